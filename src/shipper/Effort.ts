import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"

/** zstd's level where the line is what is waited for: above it little is gained for much work. */
export const HARD_LEVEL = 9
/** How many times the work of the default level that is, until it was measured. */
const HARD_COST = 5
/** Shorter sends say nothing about a line. */
const TELLING_MILLIS = 1000
/** What is on its way for so long is worth asking after when it was cut. */
const LONG_MILLIS = 2000

/** Milliseconds per byte lately; later measurements count more. */
interface Pace {
  perByte: number | undefined
}

const measure = (pace: Pace, millis: number, bytes: number): void => {
  const now = millis / Math.max(bytes, 1)
  pace.perByte = pace.perByte === undefined ? now : (3 * pace.perByte + now) / 4
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
    readonly sending: <A, E, R>(bytes: number, send: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
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
        const sends: Pace = { perByte: undefined }
        const packs: Pace = { perByte: undefined }
        const hardPacks: Pace = { perByte: undefined }
        let sendsTell = false

        /** While as many are sent as may be, one is packed. */
        const isWorthIt = (): boolean => {
          if (!sendsTell || sends.perByte === undefined || packs.perByte === undefined) return false
          const hard = hardPacks.perByte ?? HARD_COST * packs.perByte
          return sends.perByte >= concurrency * hard
        }

        const packAt = <A extends { readonly bytes: number }, E, R>(pace: Pace, pack: Effect.Effect<A, E, R>) =>
          Effect.map(timed(pack), ({ millis, value }) => {
            measure(pace, millis, value.bytes)
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
            Effect.map(timed(send), ({ millis, value }) => {
              measure(sends, millis, bytes)
              sendsTell = millis >= TELLING_MILLIS
              return value
            }),
          takesLong: (bytes) => sendsTell && (sends.perByte ?? 0) * bytes > LONG_MILLIS
        }
      })
    )
}
