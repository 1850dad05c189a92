import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpServerError from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type * as Scope from "effect/Scope"
import { freeBlock, makeBlock } from "../block.ts"
import type { Problem } from "../domain/protocol.ts"
import type { Limits } from "./limits.ts"
import { readAhead } from "./readAhead.ts"

export interface Body {
  /**
   * Up to 1 MiB, valid until the next call; `undefined` once every byte came. What came before a failure is given first, and the
   * failure with the next call.
   */
  readonly next: Effect.Effect<Uint8Array | undefined, Problem>
  readonly received: () => number
}

/** How a body is read. */
export interface Reading {
  /** What it has; where its length was not said, what it may have at most. */
  readonly bytes: number
  /** Its length was not said: it ends where it ends. */
  readonly open?: boolean
  /** Ends the reading with that problem. */
  readonly until?: Effect.Effect<Problem>
  /** How long what came may wait for more, before it is given. Milliseconds. */
  readonly gatherMillis?: number
  /** What becomes of the part of a body that came. */
  readonly keeps?: string
}

const stalled = (error: string, remediation = "nothing was kept; send it again"): Problem => ({
  problem: "body-stalled",
  error,
  remediation
})

const shuttingDown: Problem = { problem: "unavailable", error: "the receiver is shutting down", retryAfter: 5 }

const isClientAbort = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) => Cause.isInterruptReason(reason) && reason.annotations.has(HttpServerError.ClientAbort.key)
  )

/**
 * What may be given up when the client goes away or the program ends; `last` is done then. A request is not interrupted anywhere else,
 * so that a body that arrived whole is stored whoever is still there to be told.
 */
export const abandonable = <A, R>(
  effect: Effect.Effect<A, Problem, R>,
  last: Effect.Effect<void> = Effect.void
): Effect.Effect<A, Problem, R> =>
  Effect.interruptible(effect).pipe(
    Effect.catchCauseIf(Cause.hasInterruptsOnly, (cause) =>
      Effect.andThen(last, Effect.fail(isClientAbort(cause) ? stalled("the client went away") : shuttingDown))
    )
  )

/** What a connection that is gone still holds is here in a moment. Milliseconds. */
const LAST_MILLIS = 100

/** Reads a body. One that stops, crawls or ends early fails. */
export const openBody = (
  request: HttpServerRequest,
  { bytes, gatherMillis = Number.POSITIVE_INFINITY, keeps, open = false, until }: Reading,
  limits: Pick<Limits["Service"], "bodyIdleMillis" | "crawl">
): Effect.Effect<Body, never, Scope.Scope> =>
  Effect.gen(function* () {
    const incoming = yield* readAhead(request, { most: bytes, isAll: !open })
    const { ahead, fill, over, received, takePiece } = incoming
    // Not empty where the length was not said: only reading on tells that there is no more.
    const makeBuffer = () => makeBlock(open ? Math.max(bytes, 1) : bytes)
    let made: Uint8Array<ArrayBuffer> | undefined
    let waitedMillis = 0
    let failure: Problem | undefined

    const isWhole = () => ahead() === 0 && (open ? over() === "ended" : received() === bytes)
    const soFar = () => `after ${received()} of ${open ? "at most " : ""}${bytes} bytes`
    const stuck = (error: string) => Effect.fail(stalled(error, keeps))
    const crawls = () =>
      waitedMillis >= limits.crawl.afterMillis && received() * 1000 < limits.crawl.bytesPerSecond * waitedMillis

    const arrival = incoming.something.pipe(
      Effect.timeoutOrElse({
        duration: limits.bodyIdleMillis,
        orElse: () => stuck(`the body stood still for ${limits.bodyIdleMillis / 1000} s ${soFar()}`)
      }),
      (effect) => (until === undefined ? effect : Effect.raceFirst(effect, Effect.flatMap(until, Effect.fail))),
      (effect) => abandonable(effect, Effect.asVoid(Effect.timeoutOption(incoming.ended, LAST_MILLIS)))
    )

    /** What cannot be waited for any longer. */
    const ending = Effect.suspend((): Effect.Effect<void, Problem> => {
      if (over() === "too-long") {
        return Effect.fail({ problem: "bad-request", error: `the body is longer than ${bytes} bytes` })
      }
      if (over() === "cut") return stuck(`the connection was cut ${soFar()}`)
      return over() === "ended" && !isWhole() && ahead() === 0 ? stuck(`the body ended ${soFar()}`) : Effect.void
    })

    /** Only waiting counts: a disk of ours that is slow is not the client's crawling. */
    const wait = Effect.gen(function* () {
      const before = yield* Clock.monotonicTimeNanos
      yield* arrival
      waitedMillis += Number((yield* Clock.monotonicTimeNanos) - before) / 1e6
      yield* ending
      if (received() < bytes && over() === undefined && crawls()) {
        return yield* stuck(`the body crawls: ${soFar()}, waited ${Math.round(waitedMillis / 1000)} s`)
      }
    })

    /** From now on nothing is added to what came. */
    const giveUp = (problem: Problem) =>
      Effect.andThen(
        incoming.stop,
        Effect.sync(() => void (failure = problem))
      )

    const next = Effect.gen(function* () {
      let filled = 0
      const since = waitedMillis
      const mayWait = () => failure === undefined && !isWhole() && (filled === 0 || waitedMillis - since < gatherMillis)
      // Most small bodies come right behind their head: no clock needs to be set for those.
      if (ahead() === 0 && mayWait()) yield* Effect.yieldNow
      if (ahead() === 0 && mayWait()) yield* Effect.catch(wait, giveUp)
      // Most small bodies come in one piece.
      const piece = received() === bytes ? takePiece() : undefined
      if (piece !== undefined) return piece
      if (failure === undefined && isWhole()) {
        if (made !== undefined) freeBlock(made)
        made = undefined
        return undefined
      }
      const buffer = (made ??= makeBuffer())
      filled = fill(buffer, 0)
      while (filled < buffer.length && mayWait()) {
        yield* Effect.catch(wait, giveUp)
        filled = fill(buffer, filled)
      }
      if (filled > 0) return buffer.subarray(0, filled)
      return failure === undefined ? undefined : yield* Effect.fail(failure)
    })
    return { next, received }
  })
