/** A way to a server that is cut: each connection carries so many bytes towards it, then both ends are torn off. */
import * as net from "node:net"
import { narrowSocket } from "./narrowSocket.ts"

export interface Cuts {
  /** Bytes that the nth connection carries towards the server before it is cut; for ever if not said. */
  readonly after?: (nth: number) => number
  /** Bytes per second towards the server; as many as go if not said. */
  readonly rate?: number
  /** As on a slow line, little of what was sent lies in the kernels. */
  readonly narrow?: boolean
}

/** So often the throttled side is given its share. */
const TICK_MILLIS = 20

/** `port`: where the server listens now. */
export const startCuttingProxy = async (
  port: () => number,
  { after = () => Number.POSITIVE_INFINITY, narrow = false, rate }: Cuts = {}
) => {
  let connections = 0
  let cuts = 0
  let carried = 0
  const open = new Set<net.Socket>()

  const carry = (client: net.Socket): void => {
    const budget = after(++connections)
    const server = net.connect({ host: "127.0.0.1", port: port(), noDelay: true })
    open.add(client).add(server)
    let passed = 0
    let allowance = rate === undefined ? Number.POSITIVE_INFINITY : 0
    let over = false
    const end = (): void => {
      if (over) return
      over = true
      clearInterval(timer)
      open.delete(client)
      open.delete(server)
      client.destroy()
      server.destroy()
    }
    const cut = (): void => {
      cuts++
      if (over) return
      over = true
      clearInterval(timer)
      open.delete(client)
      open.delete(server)
      client.resetAndDestroy()
      // What was carried has arrived.
      server.end()
      server.once("close", () => server.destroy())
    }
    const forward = (): void => {
      if (over) return
      while (client.readableLength > 0) {
        const most = Math.min(client.readableLength, Math.floor(allowance), budget - passed)
        if (most <= 0) return
        const piece: Buffer | null = client.read(most)
        if (piece === null) return
        passed += piece.length
        carried += piece.length
        allowance -= piece.length
        const room = server.write(piece)
        if (passed >= budget) return cut()
        if (!room) return void server.once("drain", forward)
      }
    }
    const timer = setInterval(() => {
      if (rate === undefined) return
      allowance = Math.min(allowance + (rate * TICK_MILLIS) / 1000, rate / 4)
      forward()
    }, TICK_MILLIS)
    client.on("readable", forward)
    server.pipe(client, { end: false })
    for (const socket of [client, server]) {
      socket.on("error", end)
      socket.on("close", end)
      socket.on("end", end)
    }
  }

  const listener = net.createServer({ noDelay: true, highWaterMark: 64 * 1024 }, carry)
  const where = narrow ? { fd: narrowSocket() } : { port: 0, host: "127.0.0.1" }
  await new Promise<void>((resolve) => listener.listen(where, resolve))
  const { port: own } = listener.address() as net.AddressInfo
  return {
    url: `http://127.0.0.1:${own}`,
    /** Bytes that went towards the server, heads of requests too. */
    carried: () => carried,
    cuts: () => cuts,
    connections: () => connections,
    /** Cuts whatever stands. */
    cutAll: () => {
      cuts++
      for (const socket of open) socket.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    }
  }
}
