import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { fileError } from "./errors.ts"

type Call<A> = (done: (error: NodeJS.ErrnoException | null, value?: A) => void) => void

/**
 * Asks the kernel on the thread pool. `fallback` is the answer of a call that gives none. Not to be interrupted: a descriptor that is
 * closed while the call waits for its thread may be another file's by then.
 */
export const onThread = <A>(
  method: string,
  pathOrDescriptor: string | number,
  fallback: A,
  call: Call<A>
): Effect.Effect<A, PlatformError> =>
  Effect.uninterruptible(
    Effect.callback((resume) => {
      try {
        call((error, value) =>
          resume(
            error === null ? Effect.succeed(value ?? fallback) : Effect.fail(fileError(method, pathOrDescriptor, error))
          )
        )
      } catch (thrown) {
        resume(Effect.fail(fileError(method, pathOrDescriptor, thrown)))
      }
    })
  )
