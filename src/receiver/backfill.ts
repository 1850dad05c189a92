import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Adopted, adopt, complete } from "./adopt.ts"
import { IndexLog } from "./IndexLog.ts"
import { isComplete } from "./rows.ts"
import { Store } from "./Store.ts"
import { type EpisodeName, nameOf, type StoreOptions } from "./storePaths.ts"
import { walkStore } from "./walkStore.ts"

export interface BackfillReport {
  /** Stored files. */
  readonly scanned: number
  /** Files that had no row and got one. */
  readonly added: number
  /** Rows of older versions whose missing members were added, in a later row. */
  readonly completed: number
  /** Files without a row, or with one that lacks something, that are no sound tarball of their episode. */
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

/** Gives one stored file what it lacks in the index. */
const backfillOne = Effect.fnUntraced(function* (name: EpisodeName, options: StoreOptions) {
  const index = yield* IndexLog
  const store = yield* Store
  const row = yield* index.find(name)
  if (row !== undefined && isComplete(row)) return undefined
  // Gone since it was listed, or nothing that could be an episode.
  const file = yield* store.inspect(name)
  if (file === undefined) return undefined
  const adopted = yield* row === undefined ? adopt(name, options) : complete(name, row, options)
  yield* warnUnsound(name, adopted)
  return countOf(adopted, row === undefined ? "added" : "completed")
})

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
    Stream.mapEffect(
      (found) => (found._tag === "Episode" ? Effect.flatMap(backfillOne(found.name, options), note) : Effect.void),
      { concurrency: CONCURRENCY, unordered: true }
    ),
    Stream.runDrain
  )
  yield* index.isMended
  return report
})
