import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Problem, problems } from "../../domain/protocol.ts"
import type { UploadToken } from "../../domain/upload/token.ts"
import { abandonable } from "../body.ts"
import type { Announcement } from "../questions.ts"
import type { UploadState } from "./state.ts"

/** An upload that may be resumed. What is said of its offset is durable. */
export interface Upload {
  readonly token: UploadToken
  readonly announced: Announcement
  /** Bytes that are on disk for good; it never shrinks. */
  offset: number
  /** When the offset last grew, or the upload began or was stored. Milliseconds of `steadyMillis`; below zero before the machine started. */
  movedAt: number
  /** `stored`: through, and kept in mind for whoever missed the answer; `gone`: nothing of it is left. */
  fate: "open" | "stored" | "gone"
  /** Requests that are at it, or wait for their turn. */
  visitors: number
  /** Done when somebody comes after the last who came. */
  overtaken: Deferred.Deferred<void>
  readonly turn: Semaphore.Semaphore
}

export const makeUpload = (
  token: UploadToken,
  { announced, offset }: Pick<UploadState, "announced" | "offset">,
  movedAt: number
): Upload => ({
  token,
  announced,
  offset,
  movedAt,
  fate: "open",
  visitors: 0,
  overtaken: Deferred.makeUnsafe(),
  turn: Semaphore.makeUnsafe(1)
})

/** Whether sending the same again would be answered the same. */
export const isFinal = ({ problem }: Problem): boolean => {
  const { status } = problems[problem]
  return status >= 400 && status < 500 && status !== 408 && status !== 429
}

export const noUpload: Problem = {
  problem: "no-upload",
  error: "there is no such upload, or none of yours: it may be through, cancelled or expired",
  remediation: "begin a new one: POST on the episode"
}

export const overtaken: Problem = {
  problem: "body-stalled",
  error: "a newer request for this upload came; it is told how far this one got"
}

/**
 * One request at a time, in the order in which they came: a newer one ends the reading of those before it, which are dead to their
 * client, and waits until what came of them is durable. `over` ends when somebody came later.
 */
export const alone = <A, R>(
  upload: Upload,
  work: (over: Effect.Effect<Problem>) => Effect.Effect<A, Problem, R>
): Effect.Effect<A, Problem, R> =>
  Effect.suspend(() => {
    const mine = Deferred.makeUnsafe<void>()
    Deferred.doneUnsafe(upload.overtaken, Effect.void)
    upload.overtaken = mine
    upload.visitors++
    const visit = Effect.suspend(() =>
      upload.fate === "gone" ? Effect.fail(noUpload) : work(Effect.as(Deferred.await(mine), overtaken))
    )
    const turn = Effect.acquireUseRelease(
      Scope.make(),
      (scope) => Effect.andThen(abandonable(Scope.provide(upload.turn.takeScoped(1), scope)), visit),
      Scope.close
    )
    return turn.pipe(
      Effect.ensuring(
        Effect.sync(() => {
          upload.visitors--
        })
      )
    )
  })
