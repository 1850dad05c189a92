/** Requests about uploads that may be resumed, as they are on the wire, and what is worth comparing of the answers. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { makeEpisode, PATH } from "./episode.ts"
import type { Receiver } from "./receiver.ts"
import { type Answer, connect, type Request, reprDigestOf, send, until } from "./wire.ts"

type Fields = Readonly<Record<string, string | undefined>>

const withoutUndefined = (fields: Fields): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

/** Does not compress, so that the tarball is about as large. */
const noise = (bytes: number): string => {
  let state = 1
  return Array.from({ length: bytes }, () => {
    state = (state * 48271) % 2147483647
    return String.fromCharCode(33 + (state % 90))
  }).join("")
}
export const largeEpisode = (bytes: number) => makeEpisode(noise(bytes))

/** An upload's beginning, without content. */
export const creation = (whole: Uint8Array, more: Fields = {}): Request => ({
  method: "POST",
  path: PATH,
  headers: withoutUndefined({
    "upload-complete": "?0",
    "upload-length": String(whole.length),
    "repr-digest": reprDigestOf(whole),
    "content-length": "0",
    ...more
  })
})

/** An append. */
export const part = (path: string, body: Uint8Array, offset: number, isLast: boolean, more: Fields = {}): Request => ({
  method: "PATCH",
  path,
  body,
  headers: withoutUndefined({
    "content-type": "application/partial-upload",
    "content-length": String(body.length),
    "upload-offset": String(offset),
    "upload-complete": isLast ? "?1" : "?0",
    ...more
  })
})

export const look = (path: string, headers: Record<string, string> = {}): Request => ({ method: "HEAD", path, headers })

export const standing = ({ headers, status }: Answer) => ({
  status,
  offset: headers["upload-offset"],
  complete: headers["upload-complete"]
})

/** Begins one that has to be let in; its path. */
export const begin = async ({ port }: Receiver, whole: Uint8Array, more: Fields = {}): Promise<string> => {
  const answer = await send(port, creation(whole, more))
  const { location } = answer.headers
  if (answer.status !== 201 || location === undefined) throw new Error(`not begun: ${answer.status} ${answer.text}`)
  return location
}

const directoryOf = ({ incoming }: Receiver): string => join(incoming, "uploads")

/** The names in `incoming/uploads/`. */
export const kept = (receiver: Receiver): ReadonlyArray<string> => readdirSync(directoryOf(receiver)).toSorted()

export const dataOf = (receiver: Receiver, path: string): string =>
  join(directoryOf(receiver), `${path.split("/").at(-1)}.part`)
export const stateOf = (receiver: Receiver, path: string): string =>
  join(directoryOf(receiver), `${path.split("/").at(-1)}.json`)

/** Sends the head of an append and the first bytes of its body, and waits until they were written. */
export const hang = async (receiver: Receiver, request: Request, bytes: number) => {
  const connection = connect(receiver.port)
  await connection.head(request)
  const body = Uint8Array.from(Buffer.from(request.body ?? new Uint8Array()))
  await connection.write(body.subarray(0, bytes))
  return { ...connection, rest: body.subarray(bytes) }
}

/** As `hang`, then the connection is cut. */
export const cutAfter = async (receiver: Receiver, request: Request, bytes: number): Promise<void> => {
  const refused = () => receiver.logs.filter(({ message }) => message.startsWith("refused")).length
  const before = refused()
  const { socket } = await hang(receiver, request, bytes)
  socket.destroy()
  await until(() => refused() > before)
}
