/** A TCP proxy on loopback in whose middle is a thin line that drops connections. */
import * as net from "node:net"
import { type Ends, type Line, makeLine } from "./line.ts"
import { countBodies } from "./requestBodies.ts"

export interface Thin {
  readonly bitsPerSecond: number
  readonly roundTripMillis: number
  /** How old a connection gets; `Infinity`: as old as it likes. */
  readonly cutSeconds: number
}

/** Bytes that went onto the line, arrived or not. */
interface Carried {
  up: number
  down: number
  /** Of requests that carry episodes. */
  bodies: number
  connections: number
  cuts: number
}

const CARRIES_EPISODES: ReadonlySet<string> = new Set(["PUT", "PATCH"])

/** One direction, from one socket to the other. */
const join = (from: net.Socket, to: net.Socket, line: Line, onSent: Ends["onSent"]) => {
  const conduit = line.open({
    deliver: (chunk) => void to.write(chunk),
    untaken: () => to.writableLength,
    onRoom: () => void from.resume(),
    onEnd: () => void to.end(),
    onSent
  })
  from.on("data", (chunk: Buffer) => {
    if (!conduit.push(chunk)) from.pause()
  })
  from.on("end", conduit.end)
  return conduit
}

export const startThinProxy = async (port: number, { bitsPerSecond, cutSeconds, roundTripMillis }: Thin) => {
  const carried: Carried = { up: 0, down: 0, bodies: 0, connections: 0, cuts: 0 }
  const make = () => makeLine({ bytesPerSecond: bitsPerSecond / 8, delayMillis: roundTripMillis / 2 })
  const lines = { up: make(), down: make() }
  const open = new Set<() => void>()

  const server = net.createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true })
    carried.connections++
    const bodies = countBodies((method, bytes) => {
      if (CARRIES_EPISODES.has(method)) carried.bodies += bytes
    })
    const up = join(client, upstream, lines.up, (chunk) => {
      carried.up += chunk.length
      bodies(chunk)
    })
    const down = join(upstream, client, lines.down, (chunk) => {
      carried.down += chunk.length
    })
    const end = (): void => {
      clearTimeout(cut)
      open.delete(end)
      up.cut()
      down.cut()
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    open.add(end)
    const dropped = (): void => {
      carried.cuts++
      end()
    }
    const cut = cutSeconds === Infinity ? undefined : setTimeout(dropped, cutSeconds * 1000)
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end)
    // Nothing is sent before the other side's SYN is answered.
    setTimeout(() => client.resume(), roundTripMillis)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    carried,
    /** How long something waited to go up. */
    busySeconds: () => lines.up.busyMillis() / 1000,
    close: async (): Promise<void> => {
      for (const end of open) end()
      lines.up.close()
      lines.down.close()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
