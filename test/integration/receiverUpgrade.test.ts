import { readdirSync } from "node:fs"
import { test } from "vitest"
import { PATH } from "../support/episode.ts"
import { startReceiver } from "../support/receiver.ts"
import { connect, send, until } from "../support/wire.ts"

const HEALTH = { method: "GET", path: "/v1/health" }

/** Descriptors of this process, which the receiver is in. */
const descriptors = (): number => readdirSync("/proc/self/fd").length

test.each([
  ["health", HEALTH.path],
  ["an upload's path", PATH]
])(
  "a client that asks for an upgrade and goes away leaves no socket behind (%s)",
  async (_, path) => {
    await using receiver = await startReceiver()
    const before = descriptors()
    const visit = async () => {
      const { closed, head, socket, text, write } = connect(receiver.port)
      const headers = { connection: "upgrade", upgrade: "h2c", "content-length": "1000000" }
      await head({ method: "PUT", path, headers })
      void write(new Uint8Array(900_000)).catch(() => undefined)
      await until(() => text().includes("\r\n\r\n"))
      socket.resetAndDestroy()
      await closed
    }
    for (let i = 0; i < 20; i++) await visit()
    for (let i = 0; i < 20; i++) await send(receiver.port, HEALTH)
    await until(() => descriptors() <= before + 5)
  },
  5000
)
