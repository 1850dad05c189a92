/** `drain`: what no code version vouches for is taken out of the way, before the receiver refuses it episode by episode. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type EpisodeId, isEpisodeId } from "../../domain/names.ts"
import { isTaken, orMissing, typeAt } from "../../presence.ts"
import { Volume } from "../../services/Volume.ts"
import { readStamp } from "../episodeCommit.ts"
import { DONE_MARKER, isMarker, Layout } from "../layout.ts"
import { quarantine } from "../quarantine.ts"
import { directoriesIn } from "./names.ts"
import { type Failure, inWords } from "./report.ts"

export interface DrainReport {
  /** Ready episodes looked at. */
  readonly examined: number
  readonly unstamped: ReadonlyArray<{ readonly id: string; readonly why: string }>
  /** `name` is the one in `quarantine/`. Empty in a dry run. */
  readonly moved: ReadonlyArray<{ readonly id: string; readonly name: string }>
  readonly failed: ReadonlyArray<Failure>
  /** Unstamped and on its way just now: left alone. */
  readonly skipped: ReadonlyArray<{ readonly id: string; readonly why: string }>
}

/**
 * Moves every ready episode without a valid `code_version.commit` to `quarantine/`. Fails when the data root is not there, or `episodes/`
 * cannot be listed; on a host where nothing was recorded yet there is none.
 */
export const drain = Effect.fnUntraced(function* (options: { readonly dryRun: boolean }) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  // It may be a link, as for the daemon.
  yield* fs.stat(paths.root)
  const ids = ((yield* orMissing(directoriesIn(paths.episodes))) ?? []).filter(isEpisodeId)
  const report = emptyReport()
  yield* Effect.forEach(ids, (id) => drainOne(id, options.dryRun, report), { concurrency: 8, discard: true })
  return report satisfies DrainReport
})

const emptyReport = () => ({
  examined: 0,
  unstamped: new Array<DrainReport["unstamped"][number]>(),
  moved: new Array<DrainReport["moved"][number]>(),
  failed: new Array<Failure>(),
  skipped: new Array<DrainReport["skipped"][number]>()
})
type Draft = ReturnType<typeof emptyReport>

const drainOne = (id: EpisodeId, dryRun: boolean, report: Draft) =>
  examine(id, dryRun, report).pipe(
    Effect.catch((error) => Effect.sync(() => report.failed.push({ name: id, error: inWords(error) })))
  )

const examine = Effect.fnUntraced(function* (id: EpisodeId, dryRun: boolean, report: Draft) {
  const paths = yield* Layout
  const directory = paths.episode(id)
  if (!isMarker(yield* typeAt(`${directory}/${DONE_MARKER}`))) return
  const stamp = yield* readStamp(directory)
  // Shipped or moved while we looked: not ours any more.
  if (!(yield* isTaken(directory))) return
  report.examined++
  if (stamp._tag === "Stamped") return
  if (yield* isOnItsWay(id)) {
    report.skipped.push({ id, why: "it is being packed or sent; drain again later" })
    return
  }
  report.unstamped.push({ id, why: stamp.why })
  if (dryRun) return
  const name = yield* quarantine(id, {
    reason: "unstamped",
    status_code: 0,
    error: `the episode does not say which code made it: ${stamp.why}`,
    body: null,
    commit: null
  })
  report.moved.push({ id, name })
})

/** A tarball that nobody works on is only what a crash left. */
const isOnItsWay = Effect.fnUntraced(function* (id: EpisodeId) {
  const paths = yield* Layout
  const volume = yield* Volume
  const packed = (yield* isTaken(paths.tarball(id))) || (yield* isTaken(paths.partial(id)))
  return packed && (yield* volume.lockHolder(paths.lock)) !== undefined
})
