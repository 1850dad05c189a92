import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type { Transfer } from "./transfers.ts"

/**
 * What has moved, counted. Everything that must know whether the program gets on (the watchdog's beat, the time-out on silence, the
 * line at a terminal) reads these; nothing else does.
 */
export interface Counters {
  /** Goes up with every pass that ended, every piece of a file that moved, every slice of a planned wait. */
  steps: number
  /** Bytes read while packing. */
  packedBytes: number
  /** Bytes handed to the connection. */
  sentBytes: number
  /** Episodes of this pass that came to an end of any kind, and all there are. */
  done: number
  total: number
  /** The most that a slice of a planned wait takes. Milliseconds; whoever watches says how short they must be. */
  sliceMillis: number
  /** What is on its way, by episode. */
  readonly transfers: Map<string, Transfer>
  /** Open once something is on its way; closed by whoever saw that nothing is any more. */
  readonly moving: Latch.Latch
  /** How many episodes were shipped on the day on which this was last asked for, named as its local date, and in which quarter of an hour. */
  shippedOn: { day: string; count: number; quarter: number }
}

/** Until the watchdog has said how short: enough for any `WatchdogSec` that makes sense. */
const SLICE_MILLIS = 1000

export class Progress extends Context.Service<Progress, Counters>()("cis490/shipper/Progress") {
  static readonly layer = Layer.sync(Progress, () => ({
    steps: 0,
    packedBytes: 0,
    sentBytes: 0,
    done: 0,
    total: 0,
    sliceMillis: SLICE_MILLIS,
    transfers: new Map(),
    moving: Latch.makeUnsafe(),
    shippedOn: { day: "", count: 0, quarter: -1 }
  }))
}

/** A wait that is meant: an interval, a backoff, a `Retry-After`. Each of its slices is progress. */
export const plannedWait = Effect.fnUntraced(function* (millis: number) {
  const progress = yield* Progress
  const start = yield* Clock.monotonicTimeNanos
  while (true) {
    const waited = Number((yield* Clock.monotonicTimeNanos) - start) / 1e6
    if (waited >= millis) return
    yield* Effect.sleep(Duration.millis(Math.min(progress.sliceMillis, millis - waited)))
    progress.steps++
  }
})

/**
 * Fails with `onSilence` when `moved` has not changed for `seconds`; a time-out means silence, never slowness, and never a wait of
 * our own (`held`).
 */
export const withSilenceLimit =
  <E2>(options: {
    readonly seconds: number
    readonly moved: () => number
    readonly held?: () => boolean
    readonly onSilence: () => E2
  }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> => {
    const watch = Effect.gen(function* () {
      const quarter = Duration.millis((options.seconds * 1000) / 4)
      let seen = options.moved()
      for (let quiet = 0; quiet < 4; ) {
        yield* Effect.sleep(quarter)
        quiet = options.moved() === seen && options.held?.() !== true ? quiet + 1 : 0
        seen = options.moved()
      }
      return yield* Effect.fail(options.onSilence())
    })
    return Effect.raceFirst(effect, watch)
  }
