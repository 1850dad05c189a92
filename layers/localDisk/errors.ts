import * as PlatformError from "effect/PlatformError"
import { tagOf } from "../../src/systemError.ts"

/** As Effect's own `FileSystem` says it. */
export const fileError = (
  method: string,
  pathOrDescriptor: string | number,
  thrown: unknown
): PlatformError.PlatformError => {
  const cause = thrown as NodeJS.ErrnoException
  return cause.syscall === undefined
    ? PlatformError.badArgument({ module: "FileSystem", method, description: cause.message })
    : PlatformError.systemError({
        _tag: tagOf(cause.code),
        module: "FileSystem",
        method,
        pathOrDescriptor,
        syscall: cause.syscall,
        cause
      })
}
