/** Answers what is no HTTP request: there is no request to route, only a socket. */
import type { Duplex } from "node:stream"
import { isAnswering, openRequests } from "./linger.ts"

interface Refusal {
  readonly status: string
  readonly name: string
  readonly title: string
  readonly error: string
}

const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    name: "headers-too-large",
    title: "The request's headers are too large",
    error: "the request's headers are too large"
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    name: "headers-stalled",
    title: "The request's headers did not come",
    error: "the request's headers did not come in time"
  }
}
/** The client ended its side in the middle of a body: it, or something on the way, and not what is in the body. */
const endedEarly: Refusal = {
  status: "408 Request Timeout",
  name: "body-stalled",
  title: "The body stopped moving",
  error: "the body ended before it was whole"
}
const malformed: Refusal = {
  status: "400 Bad Request",
  name: "bad-request",
  title: "The request is malformed",
  error: "this is not an HTTP request"
}

/** Time for the answer to be read before what the client still sends can reset the connection. */
const GRACE_MS = 500

const answerOf = ({ status, name, title, error }: Refusal): string => {
  const body = JSON.stringify({ type: `urn:cis490:problem:${name}`, title, status: Number(status.slice(0, 3)), error })
  return [
    `HTTP/1.1 ${status}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body
  ].join("\r\n")
}

/** `undefined`: whatever would be said now, the client would take for the answer to a request that is under way. */
const refusalOf = (code: string, socket: Duplex): Refusal | undefined => {
  if (!socket.writable || code === "ECONNRESET" || isAnswering(socket)) return undefined
  const requests = openRequests(socket)
  if (requests === 0) return refusals[code] ?? malformed
  return requests === 1 && code === "HPE_INVALID_EOF_STATE" ? endedEarly : undefined
}

/** For the server's `clientError`. */
export const refuseMalformed = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  const refusal = refusalOf(error.code ?? "", socket)
  if (refusal === undefined) {
    socket.destroy()
    return
  }
  socket.end(answerOf(refusal))
  const timer = setTimeout(() => socket.destroy(), GRACE_MS)
  socket.once("close", () => clearTimeout(timer))
}
