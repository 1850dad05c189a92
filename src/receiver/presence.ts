import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"

/** `undefined` for what is not there; only not knowing is an error. */
export const orMissing = <A, R>(
  effect: Effect.Effect<A, PlatformError, R>
): Effect.Effect<A | undefined, PlatformError, R> =>
  Effect.catchIf(
    effect,
    (error) => error.reason._tag === "NotFound",
    () => Effect.succeed(undefined)
  )

/** False for what is there already. */
export const orTaken = <A, R>(effect: Effect.Effect<A, PlatformError, R>): Effect.Effect<boolean, PlatformError, R> =>
  Effect.catchIf(
    Effect.map(effect, () => true),
    (error: PlatformError) => error.reason._tag === "AlreadyExists",
    () => Effect.succeed(false)
  )
