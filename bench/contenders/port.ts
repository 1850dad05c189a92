/** The ports that servers listen on. */
import type { AddressInfo } from "node:net"
import { connect, createServer } from "node:net"

/** Of a server that tells: where `pattern` finds it in what was said. */
export const portIn =
  (pattern: RegExp) =>
  (said: string): number | undefined => {
    const port = pattern.exec(said)?.[1]
    return port === undefined ? undefined : Number(port)
  }

/** For servers that cannot say which port they were given. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** The port, as soon as somebody listens there. */
export const listening = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(port))
    socket.once("error", () => resolve(undefined)).once("connect", () => socket.end())
  })
