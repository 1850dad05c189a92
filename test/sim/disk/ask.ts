/** From a program to its disk: every system call goes through the gate of its process, and its errors become Effect's. */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { badArgument, type PlatformError, systemError } from "effect/PlatformError"
import { tagOf } from "../../../src/systemError.ts"
import type { Process } from "../kernel/process.ts"
import { DiskError, nodeError } from "./errno.ts"

/** For whom a system call is made, in the words of an error. */
export interface Purpose {
  readonly module: "FileSystem" | "Volume"
  readonly method: string
  /** What the program named: its error names it too. */
  readonly about: string | number
}

export const platformError = ({ about, method, module }: Purpose, cause: Error & { readonly syscall?: string }) =>
  systemError({
    _tag: tagOf("code" in cause ? String(cause.code) : undefined),
    module,
    method,
    pathOrDescriptor: about,
    syscall: cause.syscall,
    cause,
    ...(module === "Volume" && { description: cause.message })
  })

export interface SystemCall {
  /** As it is called in the history. */
  readonly name: string
  /** As it is called in errors; the same where it is not said. */
  readonly syscall?: string
  /** What it works on, for the history and for whoever chooses what fails. */
  readonly target: string
  /** What the error names. */
  readonly paths?: ReadonlyArray<string>
  readonly mutates?: boolean
  /** What happens on the disk nevertheless when it is said to have failed, whether it was done or not. */
  readonly onFailure?: () => void
}

export type Ask = <A>(purpose: Purpose, call: SystemCall, act: () => A) => Effect.Effect<A, PlatformError>

const SERVICES = { FileSystem: "fs", Volume: "volume" } as const

export const makeAsk =
  (process: Process): Ask =>
  (purpose, { mutates = false, name, onFailure, paths = [], syscall = name, target }, act) => {
    const error = (code: string): PlatformError => platformError(purpose, nodeError(code, syscall, ...paths))
    return process.call(
      { service: SERVICES[purpose.module], method: name, target, mutates },
      () => {
        if (paths.some((path) => path.includes("\0"))) return Exit.fail(withNull(purpose))
        try {
          return Exit.succeed(act())
        } catch (thrown) {
          return thrown instanceof DiskError ? Exit.fail(error(thrown.code)) : Exit.die(thrown)
        }
      },
      (code) => {
        onFailure?.()
        return error(code)
      }
    )
  }

const withNull = ({ method, module }: Purpose): PlatformError =>
  badArgument({ module, method, description: "a path has no null bytes" })
