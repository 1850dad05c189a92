/** Tells the service manager that the program gets on; silent when it does not, so that a stall is killed and restarted. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Notify } from "../services/Notify.ts"
import { Progress } from "./Progress.ts"

const LOOKS = 4

/**
 * Looks four times in every `WATCHDOG_USEC` whether anything moved since the last beat, and only then sends one. A planned wait moves
 * at least once between two looks; where nobody watches it need not, and this ends at once.
 */
export const watchdog = Effect.gen(function* () {
  const notify = yield* Notify
  const progress = yield* Progress
  const lookMillis = (notify.watchdogMillis ?? Infinity) / LOOKS
  progress.sliceMillis = lookMillis / 2
  if (lookMillis === Infinity) return
  let beaten = progress.steps
  const beat = Effect.suspend(() => {
    if (progress.steps === beaten) return Effect.void
    beaten = progress.steps
    return notify.send("WATCHDOG=1")
  })
  yield* Effect.repeat(beat, Schedule.spaced(Duration.millis(lookMillis)))
})
