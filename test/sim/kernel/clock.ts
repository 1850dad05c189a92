/** Effect's clock as one process sees it: wall time from its machine, monotonic time as well. */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Process } from "./process.ts"

const NANOS = 1_000_000

export const makeClock = (process: Process): Clock => {
  const { machine } = process
  const wallMillis = (): number => Math.floor(machine.wallMillis())
  const wallNanos = (): bigint => machine.wallNanos()
  const monotonicNanos = (): bigint => BigInt(Math.round(machine.monotonicMillis() * NANOS))

  const sleepMillis = (millis: number): Effect.Effect<void> => {
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    // Never early, and never by less than a timer of Node's can.
    return Effect.callback((resume) => Effect.sync(process.after(Math.ceil(millis), () => resume(Effect.void))))
  }
  return {
    currentTimeMillisUnsafe: wallMillis,
    currentTimeMillis: Effect.sync(wallMillis),
    currentTimeNanosUnsafe: wallNanos,
    currentTimeNanos: Effect.sync(wallNanos),
    monotonicTimeNanosUnsafe: monotonicNanos,
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep: (duration) => sleepMillis(Duration.toMillis(duration))
  }
}
