/** One pass over the finished episodes, several at a time, until all were looked at or the way is closed. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Semaphore from "effect/Semaphore"
import { type EpisodeId, isEpisodeId } from "../domain/names.ts"
import { Volume } from "../services/Volume.ts"
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

/** Names held in memory at a time: a backlog of any size is gone through page by page. */
const PAGE = 1024

/** Gives one episode after the other to whoever asks: oldest name first, the stoppers last. Names that are no ids are left out. */
const openQueue = Effect.fnUntraced(function* (stoppers: ReadonlySet<string>) {
  const volume = yield* Volume
  const paths = yield* Layout
  const one = yield* Semaphore.make(1)
  const accepts = (name: string) => isEpisodeId(name) && !stoppers.has(name)
  const read = (after: string) => volume.page(paths.episodes, { after, limit: PAGE, accepts })
  const first = yield* read("")
  let names = first.names
  let more = first.total > names.length
  let at = 0
  const turn = Effect.gen(function* () {
    const page = yield* read(names.at(-1) ?? "")
    names = page.names
    more = page.total > page.names.length
    at = 0
  })
  const last = [...stoppers].filter(isEpisodeId).toSorted()[Symbol.iterator]()
  const next = Effect.gen(function* () {
    if (at === names.length && more) yield* turn
    const name = at < names.length ? names[at++] : last.next().value
    return isEpisodeId(name) ? name : undefined
  })
  return { total: first.total + stoppers.size, next: one.withPermit(next) }
})
type Queue = Effect.Success<ReturnType<typeof openQueue>>

/** Notes the last success for `status`, at most this often while a pass goes on. */
const NOTE_MILLIS = 5000

/** Takes the next episode until none is left or the pass must stop; as many of these run as episodes may be in hand. */
const worker = Effect.fnUntraced(function* (run: Run, queue: Queue, look: (id: EpisodeId) => Looked) {
  const progress = yield* Progress
  const patience = yield* Patience
  while (run.stop === undefined) {
    const id = yield* queue.next
    if (id === undefined) return
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
  const queue = yield* openQueue(yield* listStoppers)
  const suspects = yield* readSuspects
  const run = newRun(suspects)
  progress.total = queue.total
  progress.done = 0

  const look = (id: EpisodeId) => attend(run, id, { held: shelf.held.has(id), level: pace.compressionLevel, shelf })
  const workers = Array.from({ length: pace.concurrency }, () => worker(run, queue, look))
  yield* Effect.all(workers, { concurrency: "unbounded", discard: true })
  yield* Effect.uninterruptible(judgeSuspect(run))

  yield* Effect.catch(writeSuspects(suspects, run), (error) =>
    Effect.logWarning(`cannot note who arrived damaged: ${wordsOf(error)}`)
  )
  yield* noteEnd(run)
  progress.steps++
  const left = queue.total - run.counts.shipped - run.counts.fatal
  return { counts: run.counts, left, stop: run.stop } satisfies PassResult
})
