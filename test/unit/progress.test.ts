import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { Notify } from "../../src/services/Notify.ts"
import { Patience } from "../../src/shipper/Patience.ts"
import { Progress, plannedWait, withSilenceLimit } from "../../src/shipper/Progress.ts"
import { watchdog } from "../../src/shipper/watchdog.ts"

const layerRecording = (sent: Array<string>, watchdogMillis?: number) =>
  Layer.succeed(Notify, { send: (notification) => Effect.sync(() => void sent.push(notification)), watchdogMillis })

describe("watchdog", () => {
  it.effect("beats once per quarter of WATCHDOG_USEC while something moves, and never when nothing does", () => {
    const sent: Array<string> = []
    return Effect.gen(function* () {
      const progress = yield* Progress
      yield* Effect.forkChild(watchdog)
      yield* TestClock.adjust("5 minutes")
      expect(sent).toEqual([])
      progress.steps += 1000
      yield* TestClock.adjust("5 minutes")
      expect(sent).toEqual(["WATCHDOG=1"])
      for (let second = 0; second < 180; second++) {
        progress.steps++
        yield* TestClock.adjust("1 second")
      }
      expect(sent.length).toBe(5)
    }).pipe(Effect.provide(Layer.merge(Progress.layer, layerRecording(sent, 180_000))))
  })

  it.effect("a planned wait longer than the watchdog keeps it fed", () => {
    const sent: Array<string> = []
    return Effect.gen(function* () {
      yield* Effect.forkChild(watchdog)
      const wait = yield* Effect.forkChild(plannedWait(3_600_000))
      yield* TestClock.adjust("59 minutes")
      expect(wait.pollUnsafe()).toBeUndefined()
      expect(sent.length).toBeGreaterThanOrEqual((59 * 60) / 45 - 1)
      yield* TestClock.adjust("1 minute")
      expect(wait.pollUnsafe()).toBeDefined()
    }).pipe(Effect.provide(Layer.merge(Progress.layer, layerRecording(sent, 180_000))))
  })

  it.effect.each([180_000, 2000])(
    "a planned wait moves twice from look to look of a watchdog of %s ms, and no oftener",
    (watchdogMillis) => {
      const sent: Array<string> = []
      return Effect.gen(function* () {
        const progress = yield* Progress
        yield* Effect.forkChild(watchdog)
        const wait = yield* Effect.forkChild(plannedWait(20 * watchdogMillis))
        yield* TestClock.adjust(20 * watchdogMillis)
        yield* Fiber.join(wait)
        expect(progress.steps).toBe(160)
        expect(sent.length).toBeGreaterThanOrEqual(79)
      }).pipe(Effect.provide(Layer.merge(Progress.layer, layerRecording(sent, watchdogMillis))))
    }
  )

  it.effect("ends at once where nobody watches", () =>
    watchdog.pipe(Effect.provide(Layer.merge(Progress.layer, layerRecording([]))))
  )
})

describe("withSilenceLimit", () => {
  const limit = (moved: () => number) => withSilenceLimit({ seconds: 60, moved, onSilence: () => "silence" as const })

  it.effect("ends what stands still", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(limit(() => 0)(Effect.never)))
      yield* TestClock.adjust("59 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("16 seconds")
      expect(yield* Fiber.join(fiber)).toBe("silence")
    })
  )

  it.effect("lets what moves take hours", () =>
    Effect.gen(function* () {
      let moved = 0
      const slow = Effect.gen(function* () {
        for (; moved < 240; moved++) yield* Effect.sleep("30 seconds")
        return "done"
      })
      const fiber = yield* Effect.forkChild(limit(() => moved)(slow))
      yield* TestClock.adjust("2 hours")
      expect(yield* Fiber.join(fiber)).toBe("done")
    })
  )
})

describe("Patience", () => {
  it.effect("lets a failed episode wait as long as the other side said and its own time on top, by itself", () =>
    Effect.gen(function* () {
      const patience = yield* Patience
      yield* patience.failed("a", 30)
      expect([yield* patience.isDue("a"), yield* patience.isDue("b")]).toEqual([false, true])
      yield* TestClock.adjust("30 seconds")
      expect(yield* patience.isDue("a")).toBe(false)
      yield* TestClock.adjust("1 second")
      expect(yield* patience.isDue("a")).toBe(true)
    }).pipe(Effect.provide(Patience.layer([1])))
  )

  it.effect("waits its own time too when the other side said less", () =>
    Effect.gen(function* () {
      const patience = yield* Patience
      yield* patience.failed("a", 0)
      expect(yield* patience.isDue("a")).toBe(false)
    }).pipe(Effect.provide(Patience.layer([1000])), Random.withSeed("seed"))
  )

  it.effect("waits longer with every failure, never over the last entry, and starts anew when settled", () =>
    Effect.gen(function* () {
      const patience = yield* Patience
      for (let failure = 0; failure < 20; failure++) yield* patience.failed("a", undefined)
      yield* TestClock.adjust("300 seconds")
      expect(yield* patience.isDue("a")).toBe(true)
      yield* patience.failed("a", 3600)
      yield* patience.settled("a")
      expect(yield* patience.isDue("a")).toBe(true)
    }).pipe(Effect.provide(Patience.layer([1, 300])))
  )
})
