import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"

export interface Refreshes<A> {
  /** Asks for a run that begins from now on; gives what it comes to. Who gives up waiting stops nothing. */
  readonly request: Effect.Effect<Effect.Effect<A>>
  /** Ends with the run under way; without one, with the one that was asked for; at once where there is none either. */
  readonly soonest: Effect.Effect<void>
}

/**
 * Runs `refresh` when somebody asks: one run at a time, shared by all who asked before it began, and none sooner than
 * `apartMillis` after the one before it began. Goes on until the scope closes.
 */
export const makeRefreshes = Effect.fnUntraced(function* <A>(refresh: Effect.Effect<A>, apartMillis: number) {
  const wanted = Latch.makeUnsafe(false)
  let upcoming = Deferred.makeUnsafe<A>()
  let underWay: Deferred.Deferred<A> | undefined
  let mayBegin = yield* Clock.monotonicTimeNanos
  let over: Exit.Exit<never> | undefined

  const round = Effect.gen(function* () {
    yield* wanted.await
    const early = mayBegin - (yield* Clock.monotonicTimeNanos)
    if (early > 0n) yield* Effect.sleep(Math.ceil(Number(early) / 1e6))
    mayBegin = (yield* Clock.monotonicTimeNanos) + BigInt(Math.round(apartMillis * 1e6))
    const turn = upcoming
    underWay = turn
    upcoming = Deferred.makeUnsafe<A>()
    wanted.closeUnsafe()
    yield* Effect.onExit(refresh, (exit) =>
      Effect.sync(() => {
        underWay = undefined
        Deferred.doneUnsafe(turn, exit)
      })
    )
  })

  yield* Effect.forever(round).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        over = exit
        Deferred.doneUnsafe(upcoming, exit)
      })
    ),
    Effect.forkScoped
  )

  const request = Effect.sync(() => {
    if (over !== undefined) return over
    // Before the latch opens: the run may begin and end within that very call.
    const turn = Deferred.await(upcoming)
    wanted.openUnsafe()
    return turn
  })

  const soonest = Effect.suspend(() => {
    if (underWay !== undefined) return Deferred.await(underWay)
    return wanted.isOpen() && over === undefined ? Deferred.await(upcoming) : Effect.void
  })

  return { request, soonest: Effect.asVoid(soonest) } satisfies Refreshes<A>
})
