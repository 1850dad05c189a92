/** Tells the service manager that the receiver gets on: it answers to itself what it would answer to a health check. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Notify } from "../services/Notify.ts"
import { Dataset } from "./Dataset.ts"

/** Four looks in every `WATCHDOG_USEC`, each a beat when the dataset answered. Ends at once where nobody watches. */
export const watchdog = Effect.gen(function* () {
  const notify = yield* Notify
  const dataset = yield* Dataset
  if (notify.watchdogMillis === undefined) return
  const beat = Effect.andThen(dataset.trouble, notify.send("WATCHDOG=1"))
  yield* Effect.repeat(beat, Schedule.spaced(Duration.millis(notify.watchdogMillis / 4)))
})
