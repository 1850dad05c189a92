import { connect } from "node:tls"
import type { Evidence } from "../../src/domain/connection/Evidence.ts"
import { shown } from "./certificate.ts"

const PATIENCE_MS = 3_000
const LONGEST_HEAD = 16 * 1024

export interface Where {
  readonly host: string
  readonly port: number
  readonly servername: string
}

const dateIn = (head: string): number | undefined => {
  const millis = Date.parse(/^date: *(.+)$/im.exec(head)?.[1] ?? "")
  return Number.isNaN(millis) ? undefined : millis
}

/**
 * What a server shows whose certificate was not believed: its certificate, and its clock by the Date of an answer. Nothing of ours
 * is shown or sent but a question for its health, and nothing that is seen is believed: it is for words only.
 */
export const glance = ({ host, port, servername }: Where): Promise<Pick<Evidence, "theirs" | "theirClock">> =>
  new Promise((resolve) => {
    let seen: Pick<Evidence, "theirs" | "theirClock"> = {}
    let head = ""
    const socket = connect({ host, port, servername, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerX509Certificate()
      if (certificate !== undefined) seen = { theirs: shown(certificate) }
      socket.write(`HEAD /v1/health HTTP/1.1\r\nhost: ${servername || host}\r\nconnection: close\r\n\r\n`)
    })
    socket.on("data", (bytes: Buffer) => {
      head += bytes.toString("latin1")
      const whole = head.includes("\r\n\r\n")
      const theirClock = whole ? dateIn(head) : undefined
      if (theirClock !== undefined) seen = { ...seen, theirClock }
      if (whole || head.length > LONGEST_HEAD) socket.destroy()
    })
    socket.on("error", () => undefined)
    socket.once("close", () => {
      clearTimeout(timer)
      resolve(seen)
    })
  })
