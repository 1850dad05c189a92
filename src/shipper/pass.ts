/** One pass over the finished episodes, several at a time, until all were looked at or the way is closed. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type EpisodeId, isEpisodeId } from "../domain/names.ts"
import { wordsOf } from "../systemError.ts"
import { attend } from "./attend.ts"
import { judgeSuspect, readSuspects, writeSuspects } from "./damage.ts"
import { noteSuccess, noteTrouble } from "./lastWords.ts"
import { Layout } from "./layout.ts"
import { readTally, tallyOwner } from "./notes.ts"
import { openShelf } from "./outbox.ts"
import { Patience } from "./Patience.ts"
import { Progress } from "./Progress.ts"
import { type Counts, count, newRun, type Run, type Stop } from "./run.ts"

/** How the operator wants a pass done. */
export class Pace extends Context.Service<
  Pace,
  {
    /** Episodes at a time. */
    readonly concurrency: number
    /** Of zstd. */
    readonly compressionLevel: number
  }
>()("cis490/shipper/Pace") {}

export interface PassResult {
  readonly counts: Readonly<Counts>
  /** Names of episodes that are still in `episodes/`, finished or not. */
  readonly left: number
  /** Why the pass ended early; absent when it got through. */
  readonly stop: Stop | undefined
}

/** The names in `episodes/`, oldest first. Sorted where they are: of 100,000 no second list is made. */
const listNames = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  // oxlint-disable-next-line unicorn/no-array-sort
  return (yield* fs.readDirectory(paths.episodes)).sort()
})

/** Those whose sending stopped an earlier pass. */
const listStoppers = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const stoppers = new Set<string>()
  for (const name of yield* fs.readDirectory(`${paths.state}/tally`)) {
    const id = tallyOwner(name)
    if ((yield* readTally(id)).stopped > 0) stoppers.add(id)
  }
  return stoppers
})

/** Names that are no ids are left out; the last ones are given last. */
function* inOrder(names: ReadonlyArray<string>, last: ReadonlySet<string>): Generator<EpisodeId> {
  for (const name of names) if (!last.has(name) && isEpisodeId(name)) yield name
  if (last.size > 0) for (const name of names) if (last.has(name) && isEpisodeId(name)) yield name
}

/** Notes the last success for `status`, at most this often while a pass goes on. */
const NOTE_MILLIS = 5000

/** Takes the next episode until none is left or the pass must stop; as many of these run as episodes may be in hand. */
const worker = Effect.fnUntraced(function* (run: Run, ids: Iterator<EpisodeId>, look: (id: EpisodeId) => Looked) {
  const progress = yield* Progress
  const patience = yield* Patience
  while (run.stop === undefined) {
    const { done, value: id } = ids.next()
    if (done === true) return
    const became = yield* look(id)
    progress.done++
    count(run.counts, became)
    if (became !== "transient_failures" && became !== "notReady") yield* patience.settled(id)
    if (became !== "shipped") continue
    run.lastShipped = id
    const now = yield* Clock.currentTimeMillis
    if (Math.abs(now - run.notedAt) < NOTE_MILLIS) continue
    run.notedAt = now
    yield* noteSuccess(id)
  }
})
type Looked = ReturnType<typeof attend>

const noteEnd = Effect.fnUntraced(function* (run: Run) {
  if (run.lastShipped !== undefined) yield* noteSuccess(run.lastShipped)
  const trouble = run.stop?.error ?? run.lastTrouble
  if (trouble !== undefined) yield* noteTrouble(trouble)
})

/** Scans and ships once. Fails only when a listing does. */
export const runPass = Effect.gen(function* () {
  const pace = yield* Pace
  const progress = yield* Progress
  const shelf = yield* openShelf(pace.concurrency)
  const names = yield* listNames
  const stoppers = yield* listStoppers
  const suspects = yield* readSuspects
  const run = newRun(suspects)
  progress.total = names.length
  progress.done = 0

  const queue = inOrder(names, stoppers)
  const look = (id: EpisodeId) => attend(run, id, { held: shelf.held.has(id), level: pace.compressionLevel, shelf })
  const workers = Array.from({ length: pace.concurrency }, () => worker(run, queue, look))
  yield* Effect.all(workers, { concurrency: "unbounded", discard: true })
  yield* Effect.uninterruptible(judgeSuspect(run))

  yield* Effect.catch(writeSuspects(suspects, run), (error) =>
    Effect.logWarning(`cannot note who arrived damaged: ${wordsOf(error)}`)
  )
  yield* noteEnd(run)
  progress.steps++
  const left = names.length - run.counts.shipped - run.counts.fatal
  return { counts: run.counts, left, stop: run.stop } satisfies PassResult
})
