import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { fileError } from "./errors.ts"

/** Asks the kernel here and now. */
export const inPlace = <A>(
  method: string,
  pathOrDescriptor: string | number,
  call: () => A
): Effect.Effect<A, PlatformError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(call())
    } catch (thrown) {
      return Effect.fail(fileError(method, pathOrDescriptor, thrown))
    }
  })
