/** HTTP/1.1 as far as a client needs it that watches interim answers: everything by hand, a byte a character in heads. */
import * as net from "node:net"

export type Fields = ReadonlyArray<readonly [name: string, value: string]>

/** The head of an interim or final answer. */
export interface Head {
  readonly status: number
  readonly fields: Fields
  /** Of all fields of that name, as one list; undefined when there is none. */
  readonly field: (name: string) => string | undefined
}

export interface Answer extends Head {
  readonly interim: ReadonlyArray<Head>
  readonly body: Uint8Array
}

/** The connection ended before a final answer was whole. */
export class Cut extends Error {
  readonly interim: ReadonlyArray<Head>
  constructor(interim: ReadonlyArray<Head>) {
    super("the connection ended before the answer")
    this.interim = interim
  }
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly fields?: Fields
  /** Sent at once behind the head; its length is said unless a field says one or the coding is chunked. */
  readonly body?: Uint8Array
}

const parseHead = (text: string): Head => {
  const [first = "", ...lines] = text.split("\r\n")
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1])
  if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(first)}`)
  const fields = lines.map((line): readonly [string, string] => {
    const [, name = "", value = ""] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === "") throw new Error(`no header field: ${JSON.stringify(line)}`)
    return [name.toLowerCase(), value]
  })
  const field = (name: string): string | undefined => {
    const values = fields.filter(([key]) => key === name.toLowerCase()).map(([, value]) => value)
    return values.length === 0 ? undefined : values.join(", ")
  }
  return { status, fields, field }
}

const END_OF_HEAD = Buffer.from("\r\n\r\n")

/** The content of a chunked body once it is whole. */
const unchunk = (bytes: Buffer): Uint8Array | undefined => {
  const pieces: Array<Uint8Array> = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at)
    if (end < 0) return undefined
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16)
    const next = end + 2 + size + 2
    if (next > bytes.length) return undefined
    if (size === 0) return Buffer.concat(pieces)
    pieces.push(bytes.subarray(end + 2, end + 2 + size))
    at = next
  }
}

/** The body behind a final head, as far as it is whole. `ended`: nothing more comes. */
const bodyOf = (method: string, head: Head, rest: Buffer, ended: boolean): Uint8Array | undefined => {
  if (method === "HEAD" || head.status === 204 || head.status === 304) return new Uint8Array()
  if (/\bchunked$/i.test(head.field("transfer-encoding") ?? "")) return unchunk(rest)
  const length = head.field("content-length")
  if (length === undefined) return ended ? rest : undefined
  return rest.length < Number(length) ? undefined : rest.subarray(0, Number(length))
}

/** What has come, read from its beginning each time: answers are small. */
const read = (method: string, bytes: Buffer, ended: boolean) => {
  const interim: Array<Head> = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf(END_OF_HEAD, at)
    if (end < 0) return { interim, answer: undefined }
    const head = parseHead(bytes.toString("latin1", at, end))
    at = end + 4
    if (head.status < 200) interim.push(head)
    else {
      const body = bodyOf(method, head, bytes.subarray(at), ended)
      return { interim, answer: body === undefined ? undefined : { ...head, interim, body } }
    }
  }
}

export interface Exchange {
  /** Rejected with `Cut` when none came. */
  readonly answer: Promise<Answer>
  /** The interim answers until now. */
  readonly interim: () => ReadonlyArray<Head>
  readonly write: (bytes: Uint8Array | string) => Promise<void>
  /** Breaks the connection: nothing more is read or sent. */
  readonly cut: () => Promise<void>
  /** When the connection has ended, by whomever. */
  readonly closed: Promise<void>
}

const headText = ({ body, fields = [], method, path }: Request): string => {
  const said = (wanted: string) => fields.some(([name]) => name.toLowerCase() === wanted)
  const counted = said("content-length") || said("transfer-encoding")
  const all: Fields = [
    ["host", "receiver"],
    ["connection", "close"],
    ...fields,
    ...(counted || body === undefined ? [] : [["content-length", String(body.length)] as const])
  ]
  return `${method} ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`
}

/** One request on a connection of its own. */
export const exchange = (port: number, request: Request): Exchange => {
  const socket = net.connect({ host: "127.0.0.1", port, noDelay: true })
  let bytes = Buffer.alloc(0)
  let interim: ReadonlyArray<Head> = []
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  const answer = new Promise<Answer>((resolve, reject) => {
    const look = (ended: boolean): void => {
      try {
        const seen = read(request.method, bytes, ended)
        interim = seen.interim
        if (seen.answer !== undefined) resolve(seen.answer)
        else if (ended) reject(new Cut(interim))
      } catch (error) {
        reject(error)
      }
    }
    socket.on("data", (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece])
      look(false)
    })
    socket.on("error", () => undefined)
    socket.once("close", () => look(true))
  })
  answer.catch(() => undefined)
  const write = (piece: Uint8Array | string): Promise<void> =>
    new Promise((resolve) => {
      // Whether it went out is for the answer to tell.
      if (socket.destroyed) resolve()
      else socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece, () => resolve())
    })
  socket.write(Buffer.from(headText(request), "latin1"))
  if (request.body !== undefined) socket.write(request.body)
  const cut = (): Promise<void> => {
    socket.destroy()
    return closed
  }
  return { answer, interim: () => interim, write, cut, closed }
}

/** One request and its final answer. */
export const ask = (port: number, request: Request): Promise<Answer> => exchange(port, request).answer

export const textOf = (answer: Answer): string => Buffer.from(answer.body).toString()
