import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * The end of the program from within a request, whose own defects would only end the request. After a sync that failed, what is
 * on disk is unknown: the process ends, and the next start repairs.
 */
export class Fatal extends Context.Service<
  Fatal,
  {
    readonly end: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
    /** Dies of the first cause that was given to `end`: to be raced with the program. */
    readonly awaited: Effect.Effect<never>
  }
>()("cis490/receiver/Fatal") {}

export const layer: Layer.Layer<Fatal> = Layer.effect(
  Fatal,
  Effect.map(Deferred.make<never>(), (deferred) => ({
    end: (cause) => Effect.asVoid(Deferred.die(deferred, Cause.squash(cause))),
    awaited: Deferred.await(deferred)
  }))
)

/** Ends the program when `effect` dies. */
export const orEndProgram = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Fatal> =>
  Effect.tapCause(effect, (cause) =>
    Cause.hasDies(cause) ? Effect.flatMap(Fatal, (fatal) => fatal.end(cause)) : Effect.void
  )
