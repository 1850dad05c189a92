import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

/** What `lstat` says, exactly: Effect's own `File.Info` rounds times to milliseconds. */
export interface Inspection {
  readonly type: FileSystem.File.Type
  /** Bytes. */
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  /** Nanoseconds since 1970; negative before. */
  readonly mtimeNs: bigint
}

export interface Found {
  readonly name: string
  readonly inspection: Inspection | undefined
}

/** Some names of a directory, in order. */
export interface Page {
  /** The first ones behind where the page was to begin. */
  readonly names: ReadonlyArray<string>
  /** All that were accepted behind that place, these included. */
  readonly total: number
}

/** A directory and the bytes of all regular files below it. */
export interface Weighed {
  readonly name: string
  readonly bytes: number
}

/** The lightest first; the same weight by name. */
export const byWeight = (a: Weighed, b: Weighed): number =>
  a.bytes - b.bytes || (a.name === b.name ? 0 : a.name < b.name ? -1 : 1)

/** What cannot be measured. */
export const HEAVIEST = Number.MAX_SAFE_INTEGER

/** Some directories of a directory, by their weight. */
export interface Lightest {
  readonly first: ReadonlyArray<Weighed>
  /** How many come behind where these were to begin, these included. */
  readonly behind: number
  /** All names that were accepted. */
  readonly total: number
}

export interface Space {
  /** Bytes an unprivileged writer may still use. */
  readonly freeBytes: number
  readonly totalBytes: number
  /** 0 of 0 where the filesystem does not count them. */
  readonly freeInodes: number
  readonly totalInodes: number
}

/** Somebody else holds the lock. */
export class LockHeld extends Schema.TaggedError<LockHeld>()("LockHeld", {
  path: Schema.String,
  /** As written by the holder; absent when it cannot be read. */
  pid: Schema.optionalKey(Schema.Int)
}) {}

/** What the programs need from a disk and Effect's `FileSystem` does not offer. */
export class Volume extends Context.Service<
  Volume,
  {
    /** `lstat`: links are not followed. */
    readonly inspect: (path: string) => Effect.Effect<Inspection, PlatformError>
    /** The same, where nothing is an answer: `undefined`. */
    readonly find: (path: string) => Effect.Effect<Inspection | undefined, PlatformError>
    /** Every name in a directory with what `find` says of it. A name that is not UTF-8 is not found under what it reads as. */
    readonly findAll: (directory: string) => Effect.Effect<ReadonlyArray<Found>, PlatformError>
    /** Every name in a directory, as it gives them. Memory does not grow with the directory. */
    readonly names: (directory: string) => Stream.Stream<string, PlatformError>
    /**
     * The first `limit` of the names in `directory` that `accepts` takes, from behind `after` on (`""`: from the beginning), in the order
     * of JavaScript's strings, or in the reverse of it. Memory does not grow with the directory.
     */
    readonly page: (
      directory: string,
      options: {
        readonly after: string
        readonly limit: number
        readonly accepts: (name: string) => boolean
        readonly descending?: boolean
      }
    ) => Effect.Effect<Page, PlatformError>
    /**
     * Of the names in `directory` that `counts` accepts, those under which something called `child` lies, but no directory: how many, and
     * the first by name. Keeps none of them: for a directory of 100,000.
     */
    readonly countHolding: (
      directory: string,
      child: string,
      counts: (name: string) => boolean
    ) => Effect.Effect<{ readonly count: number; readonly first: string | undefined }, PlatformError>
    /**
     * The `limit` lightest of the directories in `directory` that `accepts` takes and under which something called `child` lies, but no
     * directory, from behind `after` on. Looks at every file in them, and keeps none: for a directory of 100,000.
     */
    readonly lightest: (
      directory: string,
      options: {
        readonly child: string
        readonly after: Weighed | undefined
        readonly limit: number
        readonly accepts: (name: string) => boolean
      }
    ) => Effect.Effect<Lightest, PlatformError>
    readonly space: (path: string) => Effect.Effect<Space, PlatformError>
    /**
     * Holds `path` (created with our pid in it, if the disk has room for it, never removed) until the scope closes. The kernel lets go with the process,
     * however it ends.
     */
    readonly lock: (path: string) => Effect.Effect<void, LockHeld | PlatformError, Scope.Scope>
    /** Who holds the lock now: a pid, `"unknown"` when it is held and names nobody, `undefined` when it is free. */
    readonly lockHolder: (path: string) => Effect.Effect<number | "unknown" | undefined, PlatformError>
  }
>()("cis490/services/Volume") {}
