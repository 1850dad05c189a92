import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { wordsOf } from "../systemError.ts"
import { backfill } from "./backfill.ts"
import { examine } from "./examine.ts"
import { IndexLog } from "./IndexLog.ts"
import { isSameFile } from "./leftovers.ts"
import { accepts, type Copy, describes, now, rowOf } from "./rows.ts"
import { Store } from "./Store.ts"
import { type EpisodeName, nameOf, parseIncoming, type StoreOptions } from "./storePaths.ts"
import type { IndexUnavailable } from "./trouble.ts"

/** Kept by somebody else in `incoming/`. */
const NOT_OURS = ["uploads"]

/** Whether the index, which has this row or none, still needs one for the copy that was linked. */
const needsRow = Effect.fnUntraced(function* (name: EpisodeName, copy: Copy) {
  const index = yield* IndexLog
  const row = yield* index.find(name)
  if (row === undefined) return true
  if (accepts(row, copy)) return !describes(row, copy)
  yield* Effect.logError("the stored file is not what the index accepted; see `cis490-receiver verify`").pipe(
    Effect.annotateLogs({ episode: nameOf(name) })
  )
  return false
})

/** The crash came between the link and the answer: the file is in the store, its row perhaps not in the index. */
const finish = Effect.fnUntraced(function* (path: string, name: EpisodeName, options: StoreOptions) {
  const index = yield* IndexLog
  const store = yield* Store
  const found = yield* examine(path, name.episodeId, options)
  if (found._tag === "Unsound") {
    return yield* Effect.logError("a stored file without an answer is not sound; see `cis490-receiver verify`").pipe(
      Effect.annotateLogs({ episode: nameOf(name), error: found.error })
    )
  }
  yield* store.settle(name)
  if (!(yield* needsRow(name, found))) return
  yield* index.append(rowOf(name, found, yield* now))
  yield* Effect.logInfo("finished an upload that was stored and not yet indexed").pipe(
    Effect.annotateLogs({ episode: nameOf(name) })
  )
})

const clear = Effect.fnUntraced(function* (entry: string, options: StoreOptions) {
  const fs = yield* FileSystem.FileSystem
  const store = yield* Store
  const path = `${options.incomingRoot}/${entry}`
  const name = parseIncoming(entry)
  if (name === undefined) {
    return NOT_OURS.includes(entry)
      ? undefined
      : yield* Effect.logWarning("left alone in incoming/: this is not ours").pipe(Effect.annotateLogs({ path }))
  }
  if (yield* isSameFile(path, store.path(name))) yield* finish(path, name, options)
  else {
    yield* Effect.logInfo("removed an upload that did not come to its end; its sender has it").pipe(
      Effect.annotateLogs({ episode: nameOf(name) })
    )
  }
  // A crash here finds the same name again at the next start, and does nothing twice.
  yield* fs.remove(path, { force: true })
})

/** A disk that is full now must not keep the receiver from saying so, nor a file that cannot be read, or removed, from starting. */
const leave = (path: string) => (error: IndexUnavailable | PlatformError) =>
  Effect.logError(
    error._tag === "IndexUnavailable"
      ? "an upload from before the start waits for the index"
      : "an upload from before the start is left in incoming/ until the next one: it cannot be read or removed; `cis490-receiver verify` says what became of its episode"
  ).pipe(Effect.annotateLogs({ path, error: error._tag === "PlatformError" ? wordsOf(error) : error.message }))

/**
 * Brings store and index into agreement after a crash, from the names that were left in `incoming/`. Only when the index itself was
 * torn may there be files without rows that left no name there: then, and only then, the whole store is gone through.
 */
export const repair = Effect.fnUntraced(function* (options: StoreOptions) {
  const fs = yield* FileSystem.FileSystem
  const index = yield* IndexLog
  for (const entry of (yield* fs.readDirectory(options.incomingRoot)).toSorted()) {
    yield* Effect.catch(clear(entry, options), leave(`${options.incomingRoot}/${entry}`))
  }
  if (!index.wasTorn) return
  yield* Effect.logWarning("the index was torn: looking through the whole store for files without rows")
  yield* Effect.flatMap(backfill(options), (report) =>
    Effect.logInfo("looked through the store").pipe(Effect.annotateLogs({ ...report }))
  ).pipe(
    // The index stays marked as torn.
    Effect.catchTag("IndexUnavailable", ({ message }) =>
      Effect.logError(
        "stored files without rows wait for the index, which cannot be written now: `cis490-receiver backfill`, or the next start"
      ).pipe(Effect.annotateLogs({ path: options.indexPath, error: message }))
    )
  )
})
