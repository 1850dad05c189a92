/** Answers what is no HTTP request: there is no request to route, only a socket. */
import type { Duplex } from "node:stream"
import { isAnswering, openRequests } from "./linger.ts"

interface ParseError extends NodeJS.ErrnoException {
  /** Of llhttp, in words of its own. */
  readonly reason?: string
}

interface Refusal {
  readonly status: string
  readonly name: string
  readonly title: string
  readonly error: string
  readonly remediation?: string
}

const malformed = (error: string, remediation: string): Refusal => ({
  status: "400 Bad Request",
  name: "bad-request",
  title: "The request is malformed",
  error,
  remediation
})

const badLength = malformed(
  "the Content-Length header is malformed, or stands there twice or beside Transfer-Encoding",
  "send one Content-Length, how many bytes the body has in decimal digits, and no Transfer-Encoding"
)
const badEncoding = malformed(
  "the Transfer-Encoding header is malformed, or stands beside Content-Length",
  "send Content-Length, and no Transfer-Encoding"
)

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
  },
  HPE_INVALID_CONTENT_LENGTH: badLength,
  HPE_UNEXPECTED_CONTENT_LENGTH: badLength,
  HPE_INVALID_TRANSFER_ENCODING: badEncoding,
  HPE_UNEXPECTED_TRANSFER_ENCODING: badEncoding
}
/** The client ended its side in the middle of a body: it, or something on the way, and not what is in the body. */
const endedEarly: Refusal = {
  status: "408 Request Timeout",
  name: "body-stalled",
  title: "The body stopped moving",
  error: "the body ended before it was whole"
}
/** With the parser's reason, which quotes nothing of what came. */
const notHttp = ({ reason }: ParseError): Refusal =>
  malformed(
    `this is not a well-formed HTTP request${reason === undefined ? "" : `: ${reason}`}`,
    "send HTTP/1.1 (RFC 9112): look at the URL (http:// or https://), the client, and whatever stands between it and here"
  )

/** Time for the answer to be read before what the client still sends can reset the connection. */
const GRACE_MS = 500

const answerOf = ({ status, name, title, error, remediation }: Refusal): string => {
  const type = `urn:cis490:problem:${name}`
  const body = JSON.stringify({ type, title, status: Number(status.slice(0, 3)), error, remediation })
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
const refusalOf = (error: ParseError, socket: Duplex): Refusal | undefined => {
  const { code = "" } = error
  if (!socket.writable || code === "ECONNRESET" || isAnswering(socket)) return undefined
  const requests = openRequests(socket)
  if (requests === 0) return refusals[code] ?? notHttp(error)
  return requests === 1 && code === "HPE_INVALID_EOF_STATE" ? endedEarly : undefined
}

/** For the server's `clientError`. */
export const refuseMalformed = (error: ParseError, socket: Duplex): void => {
  const refusal = refusalOf(error, socket)
  if (refusal === undefined) {
    socket.destroy()
    return
  }
  socket.end(answerOf(refusal))
  const timer = setTimeout(() => socket.destroy(), GRACE_MS)
  socket.once("close", () => clearTimeout(timer))
}
