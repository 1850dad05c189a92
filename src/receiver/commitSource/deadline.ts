import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type CommitSource, type CommitWindow, SourceFailed } from "../../services/CommitSource.ts"

/**
 * Gives a source so long and no longer, also when what it waits for cannot be interrupted, such as a program that waits for a
 * disk: then nothing is asked of it again until that is over.
 */
export const withDeadline = (source: CommitSource["Service"], millis: number): CommitSource["Service"] => {
  const failed = (message: string) => Effect.fail(new SourceFailed({ source: source.name, message }))
  let call: Fiber.Fiber<CommitWindow, SourceFailed> | undefined

  const window = Effect.gen(function* () {
    if (call !== undefined && call.pollUnsafe() === undefined) return yield* failed("an earlier call has not ended yet")
    const fiber = yield* Effect.forkDetach(source.window)
    call = fiber
    return yield* Fiber.join(fiber).pipe(
      Effect.onInterrupt(() => Effect.forkDetach(Fiber.interrupt(fiber))),
      Effect.timeoutOrElse({ duration: millis, orElse: () => failed(`no commits within ${millis / 1000} s`) })
    )
  })
  return { name: source.name, window }
}
