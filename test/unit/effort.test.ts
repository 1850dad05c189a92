import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { unanswered, type Verdict } from "../../src/domain/verdict.ts"
import { Effort, HARD_LEVEL } from "../../src/shipper/Effort.ts"

const shipped: Verdict = {
  _tag: "Shipped",
  answer: {
    status: "stored",
    host_id: HostId.make("lab-1"),
    episode_id: EpisodeId.make("E1"),
    content_sha256: Sha256.make("a".repeat(64))
  }
}
const MB = 1_000_000

/** Sends so many bytes in so many seconds of its own. */
const send = Effect.fnUntraced(function* (bytes: number, seconds: number, verdict = shipped) {
  const effort = yield* Effort
  const sending = effort.sending(bytes, Effect.as(Effect.sleep(seconds * 1000), verdict))
  return yield* Effect.forkChild(sending, { startImmediately: true })
})
const after = Effect.fnUntraced(function* (seconds: number, verdict?: Verdict) {
  const fiber = yield* send(MB, seconds, verdict)
  yield* TestClock.adjust(seconds * 1000)
  yield* Fiber.join(fiber)
})
const levelNow = Effect.flatMap(Effort, (effort) => effort.packing(3, Effect.succeed))

describe("the effort", () => {
  it.effect("is the configured one where sending is fast, however full the line is", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      yield* after(0.9)
      for (let i = 0; i < 4; i++) yield* send(MB, 100)
      expect([yield* levelNow, effort.takesLong(100 * MB)]).toEqual([3, false])
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("grows while a slow line is full, for one episode at a time, and never shrinks", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      yield* after(2)
      expect(effort.takesLong(MB)).toBe(true)
      expect(yield* levelNow).toBe(3)
      yield* send(MB, 100)
      expect(yield* levelNow).toBe(3)
      yield* send(MB, 100)
      expect(yield* levelNow).toBe(HARD_LEVEL)
      expect(yield* effort.packing(12, Effect.succeed)).toBe(12)
      const packing = yield* Effect.forkChild(effort.packing(3, (level) => Effect.as(Effect.sleep("1 second"), level)))
      yield* TestClock.adjust("500 millis")
      expect(yield* levelNow).toBe(3)
      yield* TestClock.adjust("500 millis")
      expect([yield* Fiber.join(packing), yield* levelNow]).toEqual([HARD_LEVEL, HARD_LEVEL])
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("lets half as many travel at a time over a slow line", () =>
    Effect.gen(function* () {
      yield* after(4)
      const sends = yield* Effect.forEach([0, 1, 2, 3], () => send(MB, 4))
      const done = () => sends.filter((fiber) => fiber.pollUnsafe() !== undefined).length
      yield* TestClock.adjust("4 seconds")
      expect(done()).toBe(2)
      yield* TestClock.adjust("4 seconds")
      expect(done()).toBe(4)
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect.each([
    [6, 3],
    [4, 2],
    [2, 2]
  ] as const)("of %d lets %d take their turn at a time", ([underWay, atATime]) =>
    Effect.gen(function* () {
      const effort = yield* Effort
      const works = yield* Effect.forEach([0, 1, 2, 3], () =>
        Effect.forkChild(effort.inTurn(Effect.sleep("4 seconds")), { startImmediately: true })
      )
      yield* TestClock.adjust("4 seconds")
      expect(works.filter((fiber) => fiber.pollUnsafe() !== undefined).length).toBe(atATime)
    }).pipe(Effect.provide(Effort.layer(underWay)))
  )

  it.effect("counts of the time on the line what each had of it", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      // Four share it for 3.6 s: 0.9 s each, which is not long.
      const sends = yield* Effect.forEach([0, 1, 2, 3], () => send(MB, 3.6))
      yield* TestClock.adjust("3600 millis")
      yield* Effect.forEach(sends, Fiber.join)
      expect(effort.takesLong(MB)).toBe(false)
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("learns from what arrived only, and forgets when the line is fast again", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      yield* after(60, unanswered("ECONNRESET", "cut"))
      expect(effort.takesLong(100 * MB)).toBe(false)
      yield* after(60)
      expect(effort.takesLong(MB)).toBe(true)
      for (let i = 0; i < 20; i++) yield* after(0.01)
      expect(effort.takesLong(MB)).toBe(false)
    }).pipe(Effect.provide(Effort.layer(4)))
  )
})
