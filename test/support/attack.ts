/** A client that keeps to no rule, and what is left of it at a program that it has visited. */
import * as fs from "node:fs"
import * as net from "node:net"
import * as tls from "node:tls"
import { until } from "./wire.ts"

export type Bytes = string | Uint8Array

export interface Visit {
  /** Of every answer, in order. */
  readonly statuses: ReadonlyArray<number>
  /** Everything that was said, a byte a character. */
  readonly text: string
  /** `closed` in order by the server, or `cut`. */
  readonly end: "closed" | "cut"
}

export interface Manners {
  /** Ends its own side when everything is said. */
  readonly endsEarly?: boolean
  /** Goes away without a word when everything is said. */
  readonly resets?: boolean
  /** What is sent again and again behind it, so many milliseconds apart, until the server has enough. */
  readonly drips?: { readonly piece: Bytes; readonly everyMillis: number }
  readonly secure?: tls.ConnectionOptions
}

/** A byte a character. */
const raw = (bytes: Bytes): Uint8Array => (typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes)

/** Says these bytes, whatever is answered, and listens until the server closes. */
export const visit = (port: number, bytes: ReadonlyArray<Bytes>, manners: Manners = {}): Promise<Visit> =>
  new Promise((resolve) => {
    const at = { host: "127.0.0.1", port }
    const socket = manners.secure === undefined ? net.connect(at) : tls.connect({ ...at, ...manners.secure })
    let text = ""
    let end: Visit["end"] = "closed"
    socket.setEncoding("latin1")
    socket.on("data", (said: string) => {
      text += said
    })
    socket.on("error", () => {
      end = "cut"
    })
    const { drips } = manners
    const timer = drips === undefined ? undefined : setInterval(() => socket.write(raw(drips.piece)), drips.everyMillis)
    socket.once("close", () => {
      clearInterval(timer)
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
      resolve({ statuses, text, end })
    })
    for (const piece of bytes) socket.write(raw(piece))
    if (manners.endsEarly === true) socket.end()
    if (manners.resets === true)
      socket.write("", () => (socket instanceof tls.TLSSocket ? socket.destroy() : socket.resetAndDestroy()))
  })

/** What a program holds: descriptors, and memory in bytes. */
export const holdings = (pid: number) => ({
  descriptors: fs.readdirSync(`/proc/${pid}/fd`).length,
  resident: Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024
})

/** Waits until it holds no more descriptors than that. */
export const untilLetGo = (pid: number, descriptors: number): Promise<void> =>
  until(() => holdings(pid).descriptors <= descriptors)
