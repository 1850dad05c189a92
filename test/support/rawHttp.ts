import * as net from "node:net"
import * as tls from "node:tls"
import * as Effect from "effect/Effect"

export interface Exchange {
  /** Everything the server said. */
  readonly answer: string
  /** Body bytes handed to the kernel. */
  readonly sent: number
  /** `closed` by the server in order, or `cut`. */
  readonly end: "closed" | "cut"
}

export interface Client {
  readonly head: ReadonlyArray<string>
  /** Bytes of body to send. */
  readonly body?: number
  /** Looks at what comes back only when all of the body is out. */
  readonly writesFirst?: boolean
  /** After the body never ends its side, but sends a byte now and then until it is cut. */
  readonly crawls?: boolean
  /** Sent when the answer begins. */
  readonly afterwards?: string
  /** Over TLS, trusting this authority. */
  readonly ca?: string | undefined
}

const PIECE = Buffer.alloc(256 * 1024, "x")

const open = (port: number, ca: string | undefined): net.Socket => {
  const halfOpen = { allowHalfOpen: true, port }
  return ca === undefined
    ? net.connect({ ...halfOpen, host: "127.0.0.1" })
    : tls.connect({ ...halfOpen, host: "localhost", ca })
}

/** A client that knows nothing of HTTP and sends on whatever it is told. */
export const exchange = (
  port: number,
  { head, body = 0, writesFirst = false, crawls = false, afterwards, ca }: Client
) =>
  Effect.callback<Exchange>((resume) => {
    const socket = open(port, ca)
    let answer = ""
    let sent = 0
    let end: Exchange["end"] = "closed"
    const send = (): void => {
      while (sent < body) {
        const piece = PIECE.subarray(0, Math.min(PIECE.length, body - sent))
        sent += piece.length
        if (!socket.write(piece)) {
          socket.once("drain", send)
          return
        }
      }
      socket.resume()
      if (afterwards !== undefined) socket.once("data", () => socket.end(afterwards))
      else if (!crawls) socket.end()
      if (!crawls) return
      const crawl = setInterval(() => socket.write("x"), 5)
      socket.once("close", () => clearInterval(crawl))
    }
    socket.setEncoding("utf8")
    socket.on("data", (text: string) => {
      answer += text
    })
    socket.on("error", () => {
      end = "cut"
    })
    socket.on("close", () => resume(Effect.succeed({ answer, sent, end })))
    socket.write(`${head.join("\r\n")}\r\n\r\n`)
    if (writesFirst) socket.pause()
    send()
    return Effect.sync(() => socket.destroy())
  })
