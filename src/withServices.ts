import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Like `Effect.provideContext`, but all of the caller's services stay outside, its log annotations too. To add to a request's
 * context would copy all that is in it.
 */
export const withServices =
  <S>(services: Context.Context<S>) =>
  <A, E>(work: Effect.Effect<A, E, S>): Effect.Effect<A, E> =>
    Effect.updateContext(work, (_: Context.Context<never>) => services)
