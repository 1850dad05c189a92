/**
 * What must survive a power cut, each with the exact call sequence: a file's bytes are synced before its name can be seen, and
 * the directory that holds the name is synced before anyone is told. A sync that fails is a defect: after one, what is on disk is
 * unknown (fsync(2); "fsyncgate", 2018), so the process ends and the ordinary pass recovers.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { parentOf } from "./domain/parentOf.ts"
import { anew } from "./presence.ts"

/** Makes the names in a directory durable. */
export const syncDirectory = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.open(path, { flag: "r" })
  yield* Effect.orDie(directory.sync)
}, Effect.scoped)

/** Makes an open file's bytes durable. */
export const syncFile = (file: FileSystem.File): Effect.Effect<void> => Effect.orDie(file.sync)

/** Renames within one filesystem; the new name is durable when this returns, and the old one is gone for good. */
export const move = Effect.fnUntraced(function* (from: string, to: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.rename(from, to)
  // A crash here leaves it under either name, never under none: rename(2) is atomic.
  yield* syncDirectory(parentOf(to))
  if (parentOf(from) !== parentOf(to)) yield* syncDirectory(parentOf(from))
})

/**
 * Writes a whole small file under `path`, mode 0600, replacing what is there in one step. `draft` is where it is written first,
 * for a directory in which nothing half-made may lie.
 */
export const write = Effect.fnUntraced(function* (path: string, content: string, draft = `${path}.tmp`) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* anew(draft, fs.open(draft, { flag: "wx", mode: 0o600 }))
      yield* file.writeAll(new TextEncoder().encode(content))
      yield* syncFile(file)
    })
  )
  // A crash here leaves the old content and a draft that the next write replaces.
  yield* fs.rename(draft, path)
  // The draft's own directory is not synced: what comes back there after a crash is replaced too.
  yield* syncDirectory(parentOf(path))
})

/** Removes a name, durably. */
export const remove = Effect.fnUntraced(function* (path: string, options?: { readonly recursive?: boolean }) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(path, { recursive: options?.recursive ?? false, force: true })
  yield* syncDirectory(parentOf(path))
})

/** Makes a directory and every missing parent, each name durable before the next is made below it. Mode 0700 unless said otherwise. */
export const makeDirectory: (
  path: string,
  mode?: number
) => Effect.Effect<void, import("effect/PlatformError").PlatformError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* (path: string, mode = 0o700) {
    const fs = yield* FileSystem.FileSystem
    if (yield* fs.exists(path)) {
      // Whoever made it may not have come to syncing its name. Where we may not look into the parent, it was none of ours.
      return yield* Effect.catchIf(
        syncDirectory(parentOf(path)),
        (error) => error.reason._tag === "PermissionDenied",
        () => Effect.void
      )
    }
    if (parentOf(path) !== path) yield* makeDirectory(parentOf(path), mode)
    yield* fs.makeDirectory(path, { mode }).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "AlreadyExists",
        () => Effect.void
      )
    )
    yield* syncDirectory(parentOf(path))
  }
)
