import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { IndexRow } from "../domain/row.ts"
import { wordsOf } from "../systemError.ts"
import { type Adopted, adopt, complete } from "./adopt.ts"
import { IndexLog } from "./IndexLog.ts"
import { isComplete } from "./rows.ts"
import { Store } from "./Store.ts"
import { type EpisodeName, nameOf, type StoreOptions } from "./storePaths.ts"
import { type Found, walkStore } from "./walkStore.ts"

export interface BackfillReport {
  /** Stored files. */
  readonly scanned: number
  /** Files that had no row and got one. */
  readonly added: number
  /** Rows of older versions whose missing members were added, in a later row. */
  readonly completed: number
  /** Files without a row, or with one that lacks something, that are no sound tarball of their episode or cannot be read. */
  readonly unsound: number
}

type Count = Exclude<keyof BackfillReport, "scanned"> | undefined

/** Files at once: they share the index's syncs. */
const CONCURRENCY = 4

const countOf = (adopted: Adopted, appended: "added" | "completed"): Count => {
  if (adopted._tag === "Unsound") return "unsound"
  return adopted.appended ? appended : undefined
}

const warnUnsound = (name: EpisodeName, adopted: Adopted) =>
  adopted._tag === "Unsound"
    ? Effect.logWarning("a stored file is not sound; see `cis490-receiver verify`").pipe(
        Effect.annotateLogs({ episode: nameOf(name), error: adopted.error })
      )
    : Effect.void

/** One that cannot be read must not keep the others, and the receiver, waiting. */
const passOver = (what: string, path: string, error: PlatformError) =>
  Effect.logError(
    `${what} cannot be read and is passed over; give it back to the receiver's user, or mend the disk, and run \`cis490-receiver backfill\``
  ).pipe(Effect.annotateLogs({ path, error: wordsOf(error) }), Effect.as<Count>("unsound"))

const mend = Effect.fnUntraced(function* (name: EpisodeName, row: IndexRow | undefined, options: StoreOptions) {
  const store = yield* Store
  // Gone since it was listed, or nothing that could be an episode.
  const file = yield* store.inspect(name)
  if (file === undefined) return undefined
  const adopted = yield* row === undefined ? adopt(name, options) : complete(name, row, options)
  yield* warnUnsound(name, adopted)
  return countOf(adopted, row === undefined ? "added" : "completed")
})

/** Gives one stored file what it lacks in the index. */
const backfillOne = Effect.fnUntraced(function* (name: EpisodeName, options: StoreOptions) {
  const index = yield* IndexLog
  const store = yield* Store
  const row = yield* index.find(name)
  if (row !== undefined && isComplete(row)) return undefined
  return yield* Effect.catchTag(mend(name, row, options), "PlatformError", (error) =>
    passOver("a stored file", store.path(name), error)
  )
})

const lookAt = (found: Exclude<Found, { readonly _tag: "Stray" }>, options: StoreOptions) =>
  found._tag === "Episode"
    ? backfillOne(found.name, options)
    : passOver("a host's directory in the store", found.path, found.error)

/**
 * Goes through the whole store: adds rows for files without one, completes older rows. Reads only files whose row lacks something.
 * `onProgress` is told after every file.
 */
export const backfill = Effect.fnUntraced(function* (
  options: StoreOptions,
  onProgress: (report: BackfillReport) => Effect.Effect<void> = () => Effect.void
) {
  const index = yield* IndexLog
  let report: BackfillReport = { scanned: 0, added: 0, completed: 0, unsound: 0 }
  const note = (count: Count) =>
    Effect.suspend(() => {
      report = { ...report, scanned: report.scanned + 1 }
      if (count !== undefined) report = { ...report, [count]: report[count] + 1 }
      return onProgress(report)
    })
  yield* walkStore(options.storeRoot).pipe(
    Stream.mapEffect((found) => (found._tag === "Stray" ? Effect.void : Effect.flatMap(lookAt(found, options), note)), {
      concurrency: CONCURRENCY,
      unordered: true
    }),
    Stream.runDrain
  )
  yield* index.isMended
  return report
})
