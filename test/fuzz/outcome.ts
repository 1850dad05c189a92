import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type * as Result from "effect/Result"

const silent = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  effect.pipe(Effect.provide(Logger.layer([])), Effect.provideService(References.MinimumLogLevel, "None"))

/** Its value or its typed error. A defect is thrown. */
export const outcome = <A, E>(effect: Effect.Effect<A, E>): Promise<Result.Result<A, E>> =>
  Effect.runPromise(Effect.result(silent(effect)))

/** The same for what never waits. */
export const outcomeNow = <A, E>(effect: Effect.Effect<A, E>): Result.Result<A, E> =>
  Effect.runSync(Effect.result(silent(effect)))
