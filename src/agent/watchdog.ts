/** Tells the service manager that the agent gets on: that it can say what it remembers. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { AppliedTopology } from "../services/AppliedTopology.ts"
import { Notify } from "../services/Notify.ts"

/** Four looks in every `WATCHDOG_USEC`, each a beat once the memory answered. Ends at once where nobody watches. */
export const watchdog = Effect.gen(function* () {
  const notify = yield* Notify
  const memory = yield* AppliedTopology
  if (notify.watchdogMillis === undefined) return
  const beat = Effect.andThen(Effect.exit(memory.read), notify.send("WATCHDOG=1"))
  yield* Effect.repeat(beat, Schedule.spaced(Duration.millis(notify.watchdogMillis / 4)))
})
