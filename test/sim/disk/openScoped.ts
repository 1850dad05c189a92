import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { Ask, Purpose } from "./ask.ts"
import type { Calls, OpenFile, OpenFlags } from "./disk.ts"

/** Open until the scope closes. */
export const openScoped = (
  ask: Ask,
  calls: Calls,
  purpose: Purpose,
  path: string,
  flags: OpenFlags,
  mode: number
): Effect.Effect<OpenFile, PlatformError, Scope.Scope> =>
  Effect.suspend(() => {
    let opened: OpenFile | undefined
    const call = {
      name: "open",
      target: path,
      paths: [path],
      mutates: flags.create === true || flags.truncate === true,
      // Who is told that it failed has nothing to close.
      onFailure: () => opened && calls.close(opened)
    }
    const open = ask(purpose, call, () => {
      opened = calls.open(path, flags, mode)
      return opened
    })
    return Effect.acquireRelease(open, (file) => Effect.sync(() => calls.close(file)))
  })
