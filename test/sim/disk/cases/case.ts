/** What a disk does for our programs, whichever it is: each case begins with the same tree. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import { LockHeld, Volume } from "../../../../src/services/Volume.ts"
import { codeOf } from "../../../../src/systemError.ts"

export interface Hands {
  readonly fs: FileSystem.FileSystem
  readonly volume: Volume["Service"]
  /** The path of a name in the tree. */
  readonly at: (name: string) => string
}

export type Outcome = Effect.Effect<unknown, PlatformError | LockHeld, Scope.Scope>

/** `gives`: a value, or `<tag> <errno>` of what it fails with. */
export interface Case {
  readonly does: string
  readonly act: (hands: Hands) => Outcome
  readonly gives: unknown
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (found: Uint8Array): string => new TextDecoder().decode(found)

/** `file`, `empty/`, `full/inner`, `full/deep/leaf`, and links: to a file, a directory, nothing, itself. */
export const plantTree = ({ at, fs }: Hands) =>
  Effect.gen(function* () {
    yield* fs.writeFileString(at("file"), "hello", { mode: 0o644 })
    for (const name of ["empty", "full", "full/deep"]) yield* fs.makeDirectory(at(name))
    yield* fs.writeFileString(at("full/inner"), "in")
    yield* fs.writeFileString(at("full/deep/leaf"), "leaf")
    yield* fs.symlink("file", at("link"))
    yield* fs.symlink("full", at("dirlink"))
    yield* fs.symlink("nowhere", at("dangling"))
    yield* fs.symlink("loop", at("loop"))
  })

/** As errors are compared. */
export const wordOf = (error: PlatformError | LockHeld): string =>
  error instanceof LockHeld
    ? "LockHeld"
    : [error.reason._tag, codeOf(error)].filter((word) => word !== undefined).join(" ")

export const MISSING = "NotFound ENOENT"
export const TAKEN = "AlreadyExists EEXIST"
export const IS_DIRECTORY = "BadResource EISDIR"
export const NO_DIRECTORY = "BadResource ENOTDIR"
export const LOOP = "BadResource ELOOP"
export const NOT_EMPTY = "Unknown ENOTEMPTY"
export const INVALID = "Unknown EINVAL"
export const BAD_DESCRIPTOR = "Unknown EBADF"

export const done = undefined

export const names = (effect: Effect.Effect<ReadonlyArray<string>, PlatformError>) =>
  Effect.map(effect, (found) => found.toSorted())

/** One after the other; gives what the last one does. */
export const first = (act: Effect.Effect<unknown, PlatformError | LockHeld, Scope.Scope>, then: Outcome): Outcome =>
  Effect.andThen(act, then)

export const readBack = ({ at, fs }: Hands, name: string) => fs.readFileString(at(name))
