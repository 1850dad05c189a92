import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { DAYS, type Timetable } from "../../src/domain/timetable.ts"
import { Link, LinkClosed } from "../../src/shipper/Link.ts"
import { Progress, withSilenceLimit } from "../../src/shipper/Progress.ts"

const KIB = 1024

const layerOf = (timetable: Timetable) =>
  Link.layer(timetable).pipe(
    Layer.provideMerge(Progress.layer),
    Layer.provide(DateTime.layerCurrentZoneNamed("Europe/Berlin"))
  )
const limited = (rate: number) => layerOf({ rate, windows: [] })
const daily = (from: number, to: number, rate: number) => ({ days: DAYS, from, to, rate })
/** Nothing goes in the first hour of the day; the clock of a test begins at 1 o'clock in Berlin. */
const closing = layerOf({ rate: 10_000, windows: [daily(2 * 60, 3 * 60, 0)] })

/** What a body hands over, with the time of each piece in milliseconds. */
const hand = Effect.fnUntraced(function* (bytes: number, log: Array<{ readonly at: number; readonly bytes: number }>) {
  const link = yield* Link
  const clock = yield* Effect.clockWith(Effect.succeed)
  yield* link
    .throttle(Stream.succeed(new Uint8Array(bytes)), { moved: 0 })
    .pipe(
      Stream.runForEach((piece) =>
        Effect.sync(() => void log.push({ at: clock.currentTimeMillisUnsafe(), bytes: piece.length }))
      )
    )
})
const total = (log: ReadonlyArray<{ readonly bytes: number }>): number => log.reduce((sum, { bytes }) => sum + bytes, 0)

describe("the link", () => {
  it.effect("without limits changes nothing", () =>
    Effect.gen(function* () {
      const link = yield* Link
      const body = Stream.succeed(new Uint8Array(10))
      const request = Effect.succeed(1)
      expect(link.unlimited).toBe(true)
      expect(link.throttle(body, { moved: 0 })).toBe(body)
      expect(link.admit(request)).toBe(request)
    }).pipe(Effect.provide(limited(Infinity)))
  )

  it.effect("lets a slow rate through evenly, and all of it", () => {
    const log: Array<{ readonly at: number; readonly bytes: number }> = []
    return Effect.gen(function* () {
      const body = yield* Effect.forkChild(hand(600_000, log))
      yield* TestClock.adjust("59 seconds")
      expect(body.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(body.pollUnsafe()).toBeDefined()
      expect(total(log)).toBe(600_000)
      for (let second = 1; second <= 60; second++) {
        const sent = total(log.filter(({ at }) => at <= second * 1000))
        expect(Math.abs(sent - second * 10_000), `after ${second} s`).toBeLessThanOrEqual(2_500)
      }
    }).pipe(Effect.provide(limited(10_000)))
  })

  it.effect("saves nothing up while nobody sends", () => {
    const log: Array<{ readonly at: number; readonly bytes: number }> = []
    return Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      yield* Effect.forkChild(hand(100_000, log))
      yield* TestClock.adjust("1 second")
      expect(total(log)).toBeLessThanOrEqual(12_500)
    }).pipe(Effect.provide(limited(10_000)))
  })

  it.effect("is shared evenly by all that send", () => {
    const logs = [0, 1, 2, 3].map(() => new Array<{ readonly at: number; readonly bytes: number }>())
    return Effect.gen(function* () {
      for (const log of logs) yield* Effect.forkChild(hand(1_000_000, log))
      yield* TestClock.adjust("40 seconds")
      for (const log of logs) expect(Math.abs(total(log) - 100_000)).toBeLessThanOrEqual(2_500)
    }).pipe(Effect.provide(limited(10_000)))
  })

  it.effect("is no silence while it holds a body back, and steps on for the watchdog", () =>
    Effect.gen(function* () {
      const link = yield* Link
      const progress = yield* Progress
      const meter = { moved: 0, held: false }
      // A piece that takes 128 s at this rate, as when many share it.
      yield* link.take(256 * KIB)
      const body = link.throttle(Stream.succeed(new Uint8Array(1)), meter).pipe(Stream.runDrain)
      const sending = yield* body.pipe(
        withSilenceLimit({
          seconds: 4,
          moved: () => meter.moved,
          held: () => meter.held,
          onSilence: () => "silence" as const
        }),
        Effect.forkChild
      )
      yield* TestClock.adjust("100 seconds")
      expect(sending.pollUnsafe()).toBeUndefined()
      expect(progress.steps).toBeGreaterThanOrEqual(99)
      yield* TestClock.adjust("28 seconds")
      yield* Fiber.join(sending)
    }).pipe(Effect.provide(limited(2 * KIB)))
  )

  it.effect("has no more bodies on their way than can move", () => {
    let now = 0
    let most = 0
    const request = Effect.gen(function* () {
      most = Math.max(most, ++now)
      yield* Effect.sleep("1 minute")
      now--
    })
    return Effect.gen(function* () {
      const link = yield* Link
      const all = yield* Effect.forkChild(Effect.replicateEffect(link.admit(request), 6, { concurrency: "unbounded" }))
      yield* TestClock.adjust("3 minutes")
      yield* Fiber.join(all)
      expect(most).toBe(2)
    }).pipe(Effect.provide(limited(5000)))
  })

  it.effect("follows the timetable while a body is on its way", () => {
    const log: Array<{ readonly at: number; readonly bytes: number }> = []
    return Effect.gen(function* () {
      yield* TestClock.adjust(Duration.minutes(59))
      yield* Effect.forkChild(hand(100_000_000, log))
      yield* TestClock.adjust(Duration.minutes(2))
      const minute = (from: number) => total(log.filter(({ at }) => at > from * 60_000 && at <= (from + 1) * 60_000))
      expect(Math.abs(minute(59) - 600_000)).toBeLessThanOrEqual(5_000)
      expect(Math.abs(minute(60) - 6_000_000)).toBeLessThanOrEqual(50_000)
    }).pipe(Effect.provide(layerOf({ rate: 10_000, windows: [daily(120, 180, 100_000)] })))
  })
})

it.effect("a piece is as large as the rate of its time allows, also the first behind a faster one", () => {
  const log: Array<{ readonly at: number; readonly bytes: number }> = []
  return Effect.gen(function* () {
    yield* TestClock.adjust(Duration.millis(60 * 60_000 - 50))
    yield* Effect.forkChild(hand(100_000_000, log))
    yield* TestClock.adjust("1 minute")
    const gaps = log.map(({ at }, i) => (log[i + 1]?.at ?? 61 * 60_000) - at)
    expect(log.length).toBeGreaterThan(100)
    expect(Math.max(...gaps)).toBeLessThan(2000)
  }).pipe(Effect.provide(layerOf({ rate: 2 * KIB, windows: [daily(60, 120, 2_000_000)] })))
})

it.effect("a body that is ended while it is held back is not held any more", () =>
  Effect.gen(function* () {
    const link = yield* Link
    const meter = { moved: 0, held: false }
    yield* link.take(256 * KIB)
    const body = yield* Effect.forkChild(Stream.runDrain(link.throttle(Stream.succeed(new Uint8Array(1)), meter)))
    yield* TestClock.adjust("1 second")
    expect(meter.held).toBe(true)
    yield* Fiber.interrupt(body)
    expect(meter.held).toBe(false)
  }).pipe(Effect.provide(limited(2 * KIB)))
)

describe("a closed window", () => {
  it.effect("lets no request begin, and says when it opens", () =>
    Effect.gen(function* () {
      const link = yield* Link
      yield* TestClock.adjust("1 hour")
      const closed = new LinkClosed({ words: "window closed until 03:00" })
      expect(yield* Effect.flip(link.open)).toEqual(closed)
      expect(yield* Effect.flip(link.admit(Effect.die("begun")))).toEqual(closed)
      const opened = yield* Effect.forkChild(link.opened)
      yield* TestClock.adjust("59 minutes")
      expect(opened.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(opened)
      yield* link.open
    }).pipe(Effect.provide(closing))
  )

  it.effect("leaves what has begun some seconds to end, at the rate it had", () => {
    const log: Array<{ readonly at: number; readonly bytes: number }> = []
    return Effect.gen(function* () {
      const link = yield* Link
      yield* TestClock.adjust(Duration.minutes(59))
      const short = yield* Effect.forkChild(link.admit(hand(650_000, log)))
      yield* TestClock.adjust(Duration.seconds(65))
      yield* Fiber.join(short)
      expect(total(log)).toBe(650_000)
    }).pipe(Effect.provide(closing))
  })

  it.effect("then ends it", () => {
    const log: Array<{ readonly at: number; readonly bytes: number }> = []
    return Effect.gen(function* () {
      const link = yield* Link
      yield* TestClock.adjust(Duration.minutes(59))
      const long = yield* Effect.forkChild(Effect.flip(link.admit(hand(6_000_000, log))))
      yield* TestClock.adjust(Duration.seconds(59))
      expect(long.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(Duration.seconds(15))
      expect(yield* Fiber.join(long)).toBeInstanceOf(LinkClosed)
      yield* TestClock.adjust("1 minute")
      expect(log.at(-1)?.at).toBeLessThanOrEqual(60 * 60_000 + 12_000)
    }).pipe(Effect.provide(closing))
  })

  it.effect("ends nothing before its time", () =>
    Effect.gen(function* () {
      const link = yield* Link
      yield* TestClock.adjust(Duration.minutes(59))
      const body = yield* Effect.forkChild(link.admit(Effect.sleep("2 minutes")))
      yield* TestClock.adjust(Duration.minutes(2))
      yield* Fiber.join(body)
    }).pipe(Effect.provide(layerOf({ rate: 10_000, windows: [daily(180, 240, 0)] })))
  )
})
