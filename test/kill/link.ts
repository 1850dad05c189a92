/** The way between one host and the receiver: a TCP proxy that refuses, cuts connections at any byte, and stalls. */
import * as net from "node:net"
import type { Chance } from "./chance.ts"

export type Weather = "clear" | "refused" | "cut" | "stalled"

/** Bytes after which a connection is cut: of a request's head or body, of an answer. */
const budget = (chance: Chance, direction: "up" | "down"): number =>
  direction === "down"
    ? chance.between(0, 600)
    : chance.weighted({ head: 1, body: 2 }) === "head"
      ? chance.between(0, 800)
      : chance.between(800, 2_000_000)

/** With a reset, where that is still possible: libuv never lets go of a socket that is reset after its FIN. */
const reset = (socket: net.Socket): void => {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** `port`: where the receiver listens now, if it does. */
export const openLink = async (chance: Chance, port: () => number | undefined) => {
  let weather: Weather = "clear"
  const tally = { refused: 0, cutUp: 0, cutDown: 0, stalled: 0 }
  const sockets = new Set<net.Socket>()

  const hangUp = (...both: ReadonlyArray<net.Socket>): void => {
    const rudely = chance.yes(0.5)
    for (const socket of both) {
      if (rudely) reset(socket)
      else socket.destroy()
    }
  }

  const pour = (from: net.Socket, to: net.Socket, direction: "up" | "down"): void => {
    let left: number | undefined
    from.on("data", (chunk: Buffer) => {
      if (weather === "cut") left ??= budget(chance, direction)
      else left = undefined
      if (left !== undefined && chunk.length > left) {
        tally[direction === "up" ? "cutUp" : "cutDown"]++
        // What is before the cut still arrives, if the kernel gets to it.
        to.write(chunk.subarray(0, left), () => hangUp(from, to))
        from.pause()
        return
      }
      if (left !== undefined) left -= chunk.length
      if (weather === "stalled" && chance.yes(0.5)) {
        tally.stalled++
        from.pause()
        setTimeout(() => from.resume(), chance.between(50, 3000))
      }
      if (!to.write(chunk) && !from.isPaused()) {
        from.pause()
        to.once("drain", () => from.resume())
      }
    })
    from.once("end", () => to.end())
    from.once("close", () => to.destroy())
  }

  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const at = port()
    client.on("error", () => undefined)
    if (weather === "refused" || at === undefined) {
      if (weather === "refused") tally.refused++
      reset(client)
      return
    }
    const upstream = net.connect({ host: "127.0.0.1", port: at, noDelay: true, allowHalfOpen: true })
    upstream.on("error", () => undefined)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    }
    pour(client, upstream, "up")
    pour(upstream, client, "down")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the proxy has no port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    tally,
    become: (next: Weather): void => {
      weather = next
      if (next === "refused") for (const socket of sockets) reset(socket)
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
export type Link = Awaited<ReturnType<typeof openLink>>
