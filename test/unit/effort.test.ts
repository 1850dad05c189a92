import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { SILENCE, unanswered, type Verdict } from "../../src/domain/verdict.ts"
import { Effort, HARD_LEVEL } from "../../src/shipper/Effort.ts"

const shipped: Extract<Verdict, { readonly _tag: "Shipped" }> = {
  _tag: "Shipped",
  answer: {
    status: "stored",
    host_id: HostId.make("lab-1"),
    episode_id: EpisodeId.make("E1"),
    content_sha256: Sha256.make("a".repeat(64))
  }
}
const there: Verdict = { ...shipped, answer: { ...shipped.answer, status: "already_present" } }
const MB = 1_000_000

/** Sends so many bytes in so many seconds of its own. */
const send = Effect.fnUntraced(function* (bytes: number, seconds: number, verdict: Verdict = shipped) {
  const effort = yield* Effort
  const sending = effort.sending(bytes, Effect.as(Effect.sleep(seconds * 1000), verdict))
  return yield* Effect.forkChild(sending, { startImmediately: true })
})
const after = Effect.fnUntraced(function* (seconds: number, verdict?: Verdict) {
  const fiber = yield* send(MB, seconds, verdict)
  yield* TestClock.adjust(seconds * 1000)
  yield* Fiber.join(fiber)
})
/** Packs 10 MB in so many seconds, and says at which level. */
const packs = Effect.fnUntraced(function* (seconds: number, level: number = 3, bytes: number = 10 * MB) {
  const effort = yield* Effort
  const pack = (level: number) => Effect.as(Effect.sleep(seconds * 1000), level)
  const packing = yield* Effect.forkChild(effort.packing({ bytes, level }, pack), { startImmediately: true })
  yield* TestClock.adjust(seconds * 1000)
  return yield* Fiber.join(packing)
})
/** That of a small episode, of which nothing is learned. */
const levelNow = packs(0, 3, MB)

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
      expect(yield* packs(0, 12, MB)).toBe(12)
      const packing = yield* Effect.forkChild(packs(1, 3, MB), { startImmediately: true })
      expect(yield* levelNow).toBe(3)
      yield* TestClock.adjust("1 second")
      expect([yield* Fiber.join(packing), yield* levelNow]).toEqual([HARD_LEVEL, HARD_LEVEL])
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("stays the configured one where the line would be idle before it is packed, until it would not", () =>
    Effect.gen(function* () {
      yield* after(2)
      // They are reckoned to keep the line busy for four more seconds; harder is reckoned to take five times as long.
      for (let i = 0; i < 2; i++) yield* send(MB, 100)
      expect(yield* packs(1)).toBe(3)
      expect(yield* levelNow).toBe(HARD_LEVEL)
      expect([yield* packs(0.6), yield* packs(0.6), yield* packs(0.6)]).toEqual([3, 3, 3])
      expect([yield* packs(0.6, 3, 11 * MB), yield* packs(4)]).toEqual([3, HARD_LEVEL])
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("counts of a harder packing what the configured one would have taken", () =>
    Effect.gen(function* () {
      expect(yield* packs(0.7)).toBe(3)
      yield* after(2)
      for (let i = 0; i < 2; i++) yield* send(MB, 100)
      expect([yield* packs(3.9), yield* packs(4.9), yield* packs(5)]).toEqual([HARD_LEVEL, HARD_LEVEL, HARD_LEVEL])
      expect(yield* packs(1)).toBe(3)
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

  it.effect("takes a small body that waits for answers for no sign of a slow line, but one that takes very long", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      const small = Effect.fnUntraced(function* (seconds: number) {
        const fiber = yield* send(6000, seconds)
        yield* TestClock.adjust(seconds * 1000)
        yield* Fiber.join(fiber)
      })
      yield* small(9)
      expect(effort.takesLong(MB)).toBe(false)
      yield* small(10)
      expect(effort.takesLong(6000)).toBe(true)
      for (let i = 0; i < 20; i++) yield* small(0.01)
      expect(effort.takesLong(6000)).toBe(false)
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("takes bodies that came through a little faster for no sign of a fast line", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      yield* after(2)
      for (let i = 0; i < 20; i++) {
        const small = yield* send(MB / 10, 0.15)
        yield* TestClock.adjust(150)
        yield* Fiber.join(small)
      }
      expect(effort.takesLong(0.26 * MB)).toBe(true)
      for (let i = 0; i < 2; i++) yield* send(MB, 100)
      expect(yield* levelNow).toBe(HARD_LEVEL)
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("learns nothing of what the receiver had already", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      yield* after(4)
      for (let i = 0; i < 20; i++) yield* after(0.01, there)
      expect(effort.takesLong(MB)).toBe(true)
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("lets small ones travel alone after a silence, until something arrives", () =>
    Effect.gen(function* () {
      const doneAfter = Effect.fnUntraced(function* (seconds: number, verdict?: Verdict) {
        const sends = yield* Effect.forEach([0, 1, 2, 3], () => send(60_000, seconds, verdict))
        yield* TestClock.adjust(seconds * 1000)
        const done = sends.filter((fiber) => fiber.pollUnsafe() !== undefined).length
        yield* TestClock.adjust(3 * seconds * 1000)
        return done
      })
      const silence = unanswered(SILENCE, "nothing moved")
      expect([yield* doneAfter(60, silence), yield* doneAfter(60, silence)]).toEqual([4, 1])
      expect([yield* doneAfter(1, there), yield* doneAfter(1), yield* doneAfter(1)]).toEqual([1, 1, 4])
    }).pipe(Effect.provide(Effort.layer(4)))
  )

  it.effect("gets small ones over any line that carries one of them in time", () =>
    Effect.gen(function* () {
      const effort = yield* Effort
      const line = { sharing: 0, bytesPerSecond: 1200 }
      const sendOverLine = Effect.gen(function* () {
        line.sharing++
        let moved = 0
        for (let seconds = 0; seconds < 60 && moved < 60_000; seconds++) {
          yield* Effect.sleep(1000)
          moved += line.bytesPerSecond / line.sharing
        }
        line.sharing--
        return moved < 60_000 ? unanswered(SILENCE, "nothing moved") : shipped
      })
      // A silence ends the pass, and with it all that travel.
      const pass = Effect.map(
        Effect.forEach([0, 1, 2, 3], () => effort.sending(60_000, sendOverLine), { concurrency: "unbounded" }),
        (verdicts) => verdicts.filter(({ _tag }) => _tag === "Shipped").length
      )
      const passes = yield* Effect.forkChild(Effect.all([pass, pass, pass, pass]), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      const [first, second, third, fourth] = yield* Fiber.join(passes)
      expect(first + second).toBeGreaterThan(0)
      expect(third + fourth).toBeGreaterThan(0)
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
