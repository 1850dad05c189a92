import { unlink } from "node:fs/promises"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerPrefixed } from "../../layers/Logger.ts"
import { layerSystemd } from "../../layers/Notify.ts"
import { Notify } from "../../src/services/Notify.ts"
import { listenForDatagrams } from "../support/datagrams.ts"
import { logsOf } from "../support/logs.ts"
import { scratchDirectory } from "../support/scratch.ts"

const listening = (address: string) =>
  Effect.acquireRelease(
    Effect.sync(() => listenForDatagrams(address)),
    (socket) => Effect.sync(socket.close)
  )
const watchdogOf = (environment: Record<string, string>) =>
  Effect.map(Notify, (notify) => notify.watchdogMillis).pipe(
    Effect.provide(layerSystemd({ NOTIFY_SOCKET: "/nowhere", ...environment }))
  )

describe("Notify, layerSystemd", () => {
  it.effect("sends to a socket with a path", () =>
    Effect.gen(function* () {
      const address = `${yield* scratchDirectory}/notify`
      const socket = yield* listening(address)
      const notify = yield* Effect.provide(Notify, layerSystemd({ NOTIFY_SOCKET: address }))
      yield* notify.send("READY=1")
      yield* notify.send("STATUS=3 waiting, größte 2 GiB")
      expect([socket.take(), socket.take(), socket.take()]).toEqual([
        "READY=1",
        "STATUS=3 waiting, größte 2 GiB",
        undefined
      ])
    })
  )

  it.effect("sends to an abstract socket", () =>
    Effect.gen(function* () {
      const address = `@cis490-test-${process.pid}`
      const socket = yield* listening(address)
      const notify = yield* Effect.provide(Notify, layerSystemd({ NOTIFY_SOCKET: address }))
      yield* notify.send("WATCHDOG=1")
      expect(socket.take()).toBe("WATCHDOG=1")
    })
  )

  it.effect("lets no status smuggle in another assignment", () =>
    Effect.gen(function* () {
      const address = `${yield* scratchDirectory}/notify`
      const socket = yield* listening(address)
      const notify = yield* Effect.provide(Notify, layerSystemd({ NOTIFY_SOCKET: address }))
      yield* notify.send("STATUS=refused:\nREADY=1")
      expect(socket.take()).toBe("STATUS=refused: READY=1")
    })
  )

  it.effect("says once that the socket is gone, and again after it was back", () =>
    Effect.gen(function* () {
      const address = `${yield* scratchDirectory}/notify`
      const notify = yield* Effect.provide(Notify, layerSystemd({ NOTIFY_SOCKET: address }))
      const twice = Effect.andThen(notify.send("WATCHDOG=1"), notify.send("WATCHDOG=1"))
      const gone = yield* logsOf(layerPrefixed, twice)
      expect(gone.stderr).toEqual([expect.stringMatching(/^<4>.*no such file or directory.*$/)])
      const socket = yield* listening(address)
      expect((yield* logsOf(layerPrefixed, twice)).stderr).toEqual([])
      socket.close()
      yield* Effect.promise(() => unlink(address))
      expect((yield* logsOf(layerPrefixed, twice)).stderr).toHaveLength(1)
    })
  )

  it.effect("drops what the manager has no room for, without waiting", () =>
    Effect.gen(function* () {
      const address = `${yield* scratchDirectory}/notify`
      yield* listening(address)
      const notify = yield* Effect.provide(Notify, layerSystemd({ NOTIFY_SOCKET: address }))
      const flood = Effect.forEach(Array.from({ length: 10_000 }), () => notify.send("WATCHDOG=1"), { discard: true })
      const { stderr } = yield* logsOf(layerPrefixed, flood)
      expect(stderr).toEqual([expect.stringContaining("resource temporarily unavailable")])
    })
  )

  it.effect("fails for no address, however long", () =>
    Effect.gen(function* () {
      const notify = yield* Effect.provide(Notify, layerSystemd({ NOTIFY_SOCKET: `/${"x".repeat(200)}` }))
      const { stderr } = yield* logsOf(layerPrefixed, notify.send("READY=1"))
      expect(stderr).toEqual([expect.stringContaining("at most 107 bytes")])
    })
  )

  it.effect("is silent where nobody asked", () =>
    Effect.gen(function* () {
      const notify = yield* Effect.provide(Notify, layerSystemd({ WATCHDOG_USEC: "1000" }))
      expect((yield* logsOf(layerPrefixed, notify.send("READY=1"))).stderr).toEqual([])
      expect(notify.watchdogMillis).toBeUndefined()
    })
  )

  it.effect("takes the watchdog for itself only when it is meant", () =>
    Effect.gen(function* () {
      expect(yield* watchdogOf({ WATCHDOG_USEC: "180000000" })).toBe(180_000)
      expect(yield* watchdogOf({ WATCHDOG_USEC: "180000000", WATCHDOG_PID: String(process.pid) })).toBe(180_000)
      expect(yield* watchdogOf({ WATCHDOG_USEC: "180000000", WATCHDOG_PID: "1" })).toBeUndefined()
      expect(yield* watchdogOf({ WATCHDOG_USEC: "soon" })).toBeUndefined()
      expect(yield* watchdogOf({})).toBeUndefined()
    })
  )
})
