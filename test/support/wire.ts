/** HTTP as it is on the wire: paths are sent as they are, and bodies may stop, lie or be cut. */
import { createHash } from "node:crypto"
import * as http from "node:http"
import * as net from "node:net"
import { expect } from "vitest"

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: Uint8Array | string
}

export const jsonOf = ({ text }: Answer): Record<string, unknown> => JSON.parse(text)

/** No length is sent but the one in `headers`: a body without one is chunked. */
export const send = (port: number, { body, headers, method, path }: Request): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = http.request({ agent: false, host: "127.0.0.1", port, method, path, headers: { ...headers } })
    request.once("error", reject)
    request.once("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("error", reject)
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString()
        })
      )
    })
    // Else Node counts the body and says its length itself.
    if (body !== undefined) request.flushHeaders()
    request.end(body)
  })

/** A problem document as every refusal is one. */
export const expectProblem = (
  answer: Answer,
  status: number,
  problem: string,
  members: Record<string, unknown> = {}
) => {
  expect({ status: answer.status, problem: answer.headers["x-cis490-problem"] }).toEqual({ status, problem })
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  expect(jsonOf(answer)).toMatchObject({
    type: `urn:cis490:problem:${problem}`,
    status,
    title: expect.any(String),
    error: expect.any(String),
    ...members
  })
}

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

export const reprDigestOf = (bytes: Uint8Array): string =>
  `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`

/** A connection under our own hands. */
export const connect = (port: number) => {
  const socket = net.connect({ host: "127.0.0.1", port, noDelay: true })
  const chunks: Array<Buffer> = []
  socket.on("data", (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  socket.on("error", () => undefined)
  const write = (bytes: Uint8Array | string): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : resolve()))
    })
  const head = (request: Request): Promise<void> => {
    const fields = Object.entries({ host: "receiver", ...request.headers }).map(([name, value]) => `${name}: ${value}`)
    return write([`${request.method} ${request.path} HTTP/1.1`, ...fields, "", ""].join("\r\n"))
  }
  const text = () => Buffer.concat(chunks).toString()
  return { closed, head, socket, text, write }
}

/** Waits until `ready` says so, by polling the event loop. */
export const until = async (ready: () => boolean): Promise<void> => {
  while (!ready()) await new Promise((resolve) => setImmediate(resolve))
}
