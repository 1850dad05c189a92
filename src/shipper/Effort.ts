import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { Verdict } from "../domain/verdict.ts"

/** zstd's level where the line is what is waited for: above it telemetry gets hardly smaller, for much more work and memory. */
export const HARD_LEVEL = 8
/** What is on its way for less says nothing about the line, and is soon sent again when it was cut. */
const LONG_MILLIS = 1000

/** What of the line's time each of several had who shared it: the clock of one goes the slower the more there are. */
const makeShares = () => {
  let sharing = 0
  let millis = 0
  let last = 0n
  const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => {
    if (sharing > 0) millis += Number(nanos - last) / 1e6 / sharing
    last = nanos
    return millis
  })
  const change = (by: number) =>
    Effect.map(now, (at) => {
      sharing += by
      return at
    })
  return {
    sharing: () => sharing,
    timed: <A, E, R>(use: Effect.Effect<A, E, R>) =>
      Effect.acquireUseRelease(
        change(1),
        (began) => Effect.flatMap(use, (value) => Effect.map(now, (ended) => ({ value, millis: ended - began }))),
        () => change(-1)
      )
  }
}

/**
 * How hard to pack and how carefully to send, by how long sending took lately: while the line is full there is time to make less of what
 * has to go over it (as `zstd --adapt` does). Kept in memory only.
 */
export class Effort extends Context.Service<
  Effort,
  {
    /** Packs at the configured level, or harder: one episode at a time then, for memory and the host's own work. */
    readonly packing: <A, E, R>(
      configured: number,
      pack: (level: number) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
    /** Does what keeps the processor busy for a while: half as many at a time as may be under way, two at least. The others travel meanwhile. */
    readonly inTurn: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Where it takes long, only half as many travel at a time: the others are packed meanwhile, and the line never waits for one. */
    readonly sending: <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>) => Effect.Effect<Verdict, E, R>
    /** Whether a body of so many bytes would be on its way for long. */
    readonly takesLong: (bytes: number) => boolean
  }
>()("cis490/shipper/Effort") {
  /** `concurrency`: how many are under way at a time. */
  static readonly layer = (concurrency: number) => Layer.effect(Effort, make(Math.ceil(concurrency / 2)))
}

const make = Effect.fnUntraced(function* (abreast: number) {
  const hard = yield* Semaphore.make(1)
  // Two at least: where a disk hangs under one, the other goes on.
  const workers = yield* Semaphore.make(Math.max(abreast, 2))
  const room = yield* Semaphore.make(abreast)
  const line = makeShares()
  /** Of the line's time, lately; unknown until something took long. */
  let millisPerByte = 0
  let isSlow = false

  const takesLong = (bytes: number): boolean => millisPerByte * bytes * abreast > LONG_MILLIS

  const learn = (bytes: number, millis: number): void => {
    if (millis < LONG_MILLIS && !takesLong(bytes)) return
    const now = millis / Math.max(bytes, 1)
    millisPerByte = millisPerByte === 0 ? now : (3 * millisPerByte + now) / 4
    isSlow = takesLong(bytes)
  }

  const travel = Effect.fnUntraced(function* <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>) {
    const { millis, value } = yield* line.timed(send)
    if (value._tag === "Shipped") learn(bytes, millis)
    return value
  })

  return {
    packing: <A, E, R>(configured: number, pack: (level: number) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        const isFull = isSlow && line.sharing() >= abreast
        if (!isFull || configured >= HARD_LEVEL) return pack(configured)
        return Effect.flatMap(
          hard.withPermitsIfAvailable(1)(pack(HARD_LEVEL)),
          Option.match({ onNone: () => pack(configured), onSome: Effect.succeed })
        )
      }),
    inTurn: <A, E, R>(work: Effect.Effect<A, E, R>) => workers.withPermit(work),
    sending: <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>) =>
      Effect.suspend(() => (takesLong(bytes) ? room.withPermit(travel(bytes, send)) : travel(bytes, send))),
    takesLong
  }
})
