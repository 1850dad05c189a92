import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

interface Waiting<A, E> {
  readonly item: A
  readonly done: Deferred.Deferred<void, E>
}

/**
 * Lets all who wait share one costly step: while `commit` works on one batch, the next gathers. An item is done when its whole
 * batch is, and fails with it. After a defect every later item dies of the same: what a failed sync left is not built upon. Closing
 * the scope finishes what waits.
 */
export const makeGroupCommit = <A, E, R>(
  commit: (batch: ReadonlyArray<A>) => Effect.Effect<void, E, R>
): Effect.Effect<(item: A) => Effect.Effect<void, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Waiting<A, E>, Cause.Done>()
    let broken: Cause.Cause<never> | undefined

    const attempt = (batch: ReadonlyArray<A>): Effect.Effect<Exit.Exit<void, E>, never, R> =>
      broken === undefined ? Effect.exit(commit(batch)) : Effect.succeed(Exit.failCause(broken))

    const round = Effect.gen(function* () {
      const waiting = yield* Queue.takeAll(queue)
      const exit = yield* attempt(waiting.map(({ item }) => item))
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) broken = Cause.die(Cause.squash(exit.cause))
      for (const { done } of waiting) Deferred.doneUnsafe(done, exit)
    })

    const writer = yield* Effect.forkScoped(Effect.exit(Effect.forever(round)))
    yield* Effect.addFinalizer(() => Effect.andThen(Queue.end(queue), Fiber.await(writer)))

    return (item) =>
      Effect.suspend(() => {
        const done = Deferred.makeUnsafe<void, E>()
        return Queue.offerUnsafe(queue, { item, done })
          ? Deferred.await(done)
          : Effect.die(new Error("the store was closed before this was written"))
      })
  })
