import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpServerError from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Problem } from "../domain/protocol.ts"
import type { Limits } from "./limits.ts"

export interface Body {
  /** Up to 1 MiB, valid until the next call; `undefined` once every announced byte came. */
  readonly next: Effect.Effect<Uint8Array | undefined, Problem>
  readonly received: () => number
}

const PIECE_BYTES = 1024 * 1024

const stalled = (error: string): Problem => ({
  problem: "body-stalled",
  error,
  remediation: "nothing was kept; send it again"
})

const shuttingDown: Problem = { problem: "unavailable", error: "the receiver is shutting down", retryAfter: 5 }

const isClientAbort = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) => Cause.isInterruptReason(reason) && reason.annotations.has(HttpServerError.ClientAbort.key)
  )

/**
 * What may be given up when the client goes away or the program ends. A request is not interrupted anywhere else, so that a body
 * that arrived whole is stored whoever is still there to be told.
 */
export const abandonable = <A, R>(effect: Effect.Effect<A, Problem, R>): Effect.Effect<A, Problem, R> =>
  Effect.interruptible(effect).pipe(
    Effect.catchCauseIf(Cause.hasInterruptsOnly, (cause) =>
      Effect.fail(isClientAbort(cause) ? stalled("the client went away") : shuttingDown)
    )
  )

/** Reads a body of `announced` bytes. One that stops, crawls or ends early fails. */
export const openBody = (
  request: HttpServerRequest,
  announced: number,
  limits: Pick<Limits["Service"], "bodyIdleMillis" | "crawl">
): Effect.Effect<Body, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pull = yield* Stream.toPull(request.stream)
    const buffer = new Uint8Array(Math.min(announced, PIECE_BYTES))
    let ahead: ReadonlyArray<Uint8Array> = []
    let received = 0
    let waitedMillis = 0

    const isWhole = () => received === announced
    const soFar = () => `after ${received} of ${announced} bytes`
    const crawls = () =>
      waitedMillis >= limits.crawl.afterMillis && received * 1000 < limits.crawl.bytesPerSecond * waitedMillis

    const arrival = abandonable(
      pull.pipe(
        Pull.catchDone(() => Effect.fail(stalled(`the body ended ${soFar()}`))),
        Effect.catchIf(HttpServerError.isHttpServerError, () =>
          Effect.fail(stalled(`the connection was cut ${soFar()}`))
        ),
        Effect.timeoutOrElse({
          duration: limits.bodyIdleMillis,
          orElse: () => Effect.fail(stalled(`the body stood still for ${limits.bodyIdleMillis / 1000} s ${soFar()}`))
        })
      )
    )

    /** Only waiting counts: a disk of ours that is slow is not the client's crawling. */
    const wait = Effect.gen(function* () {
      const before = yield* Clock.monotonicTimeNanos
      const chunks = yield* arrival
      waitedMillis += Number((yield* Clock.monotonicTimeNanos) - before) / 1e6
      received += chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      if (received > announced) {
        return yield* Effect.fail<Problem>({
          problem: "bad-request",
          error: `the body is longer than ${announced} bytes`
        })
      }
      if (!isWhole() && crawls()) {
        return yield* Effect.fail(stalled(`the body crawls: ${soFar()}, waited ${Math.round(waitedMillis / 1000)} s`))
      }
      ahead = chunks
    })

    /** Moves what waits in `ahead` into the buffer; gives how far it is filled. */
    const fill = (from: number): number => {
      let at = from
      while (at < buffer.length) {
        const [chunk, ...rest] = ahead
        if (chunk === undefined) return at
        const part = chunk.subarray(0, buffer.length - at)
        buffer.set(part, at)
        at += part.length
        ahead = part.length === chunk.length ? rest : [chunk.subarray(part.length), ...rest]
      }
      return at
    }

    const next = Effect.gen(function* () {
      let filled = fill(0)
      while (filled < buffer.length && !isWhole()) {
        yield* wait
        filled = fill(filled)
      }
      return filled === 0 ? undefined : buffer.subarray(0, filled)
    })
    return { next, received: () => received }
  })
