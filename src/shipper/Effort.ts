import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { Verdict } from "../domain/verdict.ts"

/** zstd's level where the line is what is waited for: above it telemetry gets hardly smaller, for much more work and memory. */
export const HARD_LEVEL = 8
/** How many times the work of the default level that is, until it was measured. */
const HARD_COST = 4
/** A shorter send says nothing about a line, unless a longer one was expected. */
const TELLING_MILLIS = 1000
/** What is on its way for so long is worth asking after when it was cut. */
const LONG_MILLIS = 1000

/** Milliseconds per byte lately; later measurements count more. */
interface Pace {
  perByte: number | undefined
}

const measure = (pace: Pace, millis: number, bytes: number): void => {
  const now = millis / Math.max(bytes, 1)
  pace.perByte = pace.perByte === undefined ? now : (3 * pace.perByte + now) / 4
}

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
  const change = (by: number) => Effect.map(now, (at) => ((sharing += by), at))
  return <A, E, R>(use: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      change(1),
      (began) => Effect.flatMap(use, (value) => Effect.map(now, (ended) => ({ value, millis: ended - began }))),
      () => change(-1)
    )
}

const timed = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const began = yield* Clock.monotonicTimeNanos
  const value = yield* effect
  return { value, millis: Number((yield* Clock.monotonicTimeNanos) - began) / 1e6 }
})

/**
 * How hard to pack and how carefully to send, by how long both took lately: where the line is what is waited for, there is time to make
 * less of what has to go over it (as `zstd --adapt` does). Kept in memory only.
 */
export class Effort extends Context.Service<
  Effort,
  {
    /** Packs at the configured level, or harder: one episode at a time then, for memory and the host's own work. */
    readonly packing: <A extends { readonly bytes: number }, E, R>(
      configured: number,
      pack: (level: number) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
    /** Where it takes long, only half as many travel at a time: the others are packed meanwhile, and the line never waits for one. */
    readonly sending: <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>) => Effect.Effect<Verdict, E, R>
    /** Whether a body of so many bytes would be on its way for long. */
    readonly takesLong: (bytes: number) => boolean
  }
>()("cis490/shipper/Effort") {
  /** `concurrency`: how many send at a time. */
  static readonly layer = (concurrency: number) =>
    Layer.effect(
      Effort,
      Effect.gen(function* () {
        const alone = yield* Semaphore.make(1)
        const abreast = Math.ceil(concurrency / 2)
        const room = yield* Semaphore.make(abreast)
        const onTheLine = makeShares()
        const sends: Pace = { perByte: undefined }
        const packs: Pace = { perByte: undefined }
        const hardPacks: Pace = { perByte: undefined }

        /** One is packed in the time in which one goes over the line. */
        const isWorthIt = (): boolean => {
          if (sends.perByte === undefined || packs.perByte === undefined) return false
          return sends.perByte >= (hardPacks.perByte ?? HARD_COST * packs.perByte)
        }

        const expected = (bytes: number): number => (sends.perByte ?? 0) * bytes * abreast
        const takesLong = (bytes: number): boolean => expected(bytes) > LONG_MILLIS

        const packAt = <A extends { readonly bytes: number }, E, R>(pace: Pace, pack: Effect.Effect<A, E, R>) =>
          Effect.map(timed(pack), ({ millis, value }) => {
            measure(pace, millis, value.bytes)
            return value
          })

        const fly = Effect.fnUntraced(function* <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>) {
          const { millis, value } = yield* onTheLine(send)
          const tells = millis >= TELLING_MILLIS || expected(bytes) >= TELLING_MILLIS
          if (value._tag === "Shipped" && tells) measure(sends, millis, bytes)
          return value
        })

        return {
          packing: (configured, pack) =>
            Effect.suspend(() =>
              configured < HARD_LEVEL && isWorthIt()
                ? alone.withPermit(packAt(hardPacks, pack(HARD_LEVEL)))
                : packAt(packs, pack(configured))
            ),
          sending: (bytes, send) =>
            Effect.suspend(() => (takesLong(bytes) ? room.withPermit(fly(bytes, send)) : fly(bytes, send))),
          takesLong
        }
      })
    )
}
