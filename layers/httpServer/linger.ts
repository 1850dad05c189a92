/**
 * Lingering close: who is refused in the middle of a body is still writing, and a close at that moment resets the connection,
 * the answer in it lost. So the answer goes out whole, the writing side is closed, and what still comes is read and
 * thrown away for a while (RFC 9112, section 9.6).
 */
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"

export interface Limits {
  /** What is read after the answer, before the connection is cut. */
  readonly bytes: number
  readonly millis: number
}

const answering = new WeakSet<Duplex>()
const open = new WeakMap<Duplex, number>()

/** Whether bytes of an answer may have gone out on this socket, and its request is not done with. */
export const isAnswering = (socket: Duplex): boolean => answering.has(socket)

/** Requests on this socket that are not done with. */
export const openRequests = (socket: Duplex): number => open.get(socket) ?? 0

/** Whether the client may have more of its body to send. */
const bodyLeft = (request: IncomingMessage): boolean =>
  !request.complete &&
  (request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0)

/** Reads and discards until the body ends, then `ended`; or cuts the connection at a limit. */
const discard = (request: IncomingMessage, limits: Limits, ended: () => void): void => {
  const { socket } = request
  let left = limits.bytes
  const timer = setTimeout(() => socket.destroy(), limits.millis)
  socket.once("close", () => clearTimeout(timer))
  request.on("data", (bytes: Buffer) => {
    left -= bytes.length
    if (left < 0) socket.destroy()
  })
  request.once("end", () => {
    clearTimeout(timer)
    ended()
  })
  request.resume()
}

type Headers = OutgoingHttpHeaders | Array<OutgoingHttpHeader>

/**
 * The class of a server's responses. Its `finish`, upon which Node and Effect tear the request down, waits until the request's
 * body is through or cut. `isLast`: with this answer the connection ends.
 */
export const lingering = (limits: Limits, isLast: (socket: Socket) => boolean) => {
  const { ServerResponse: Base } = process.getBuiltinModule("node:http")
  return class Lingering<Request extends IncomingMessage = IncomingMessage> extends Base<Request> {
    constructor(...given: ConstructorParameters<typeof Base<Request>>) {
      super(...given)
      const { socket } = this.req
      open.set(socket, openRequests(socket) + 1)
      this.once("close", () => open.set(socket, openRequests(socket) - 1))
    }

    override writeHead(status: number, message?: string, headers?: Headers): this
    override writeHead(status: number, headers?: Headers): this
    override writeHead(status: number, ...rest: ReadonlyArray<unknown>): this {
      answering.add(this.req.socket)
      if (bodyLeft(this.req) || isLast(this.req.socket)) this.shouldKeepAlive = false
      return super.writeHead(status, ...(rest as [string, Headers]))
    }

    override emit(event: string | symbol, ...rest: Array<never>): boolean {
      if (event !== "finish") return super.emit(event, ...rest)
      const { socket } = this.req
      const finish = (): boolean => {
        answering.delete(socket)
        return super.emit("finish")
      }
      if (!bodyLeft(this.req) || socket.destroyed) return finish()
      socket.end()
      discard(this.req, limits, finish)
      return true
    }
  }
}
