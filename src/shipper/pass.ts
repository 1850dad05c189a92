/** One pass over the finished episodes, several at a time, until all were looked at or the way is closed. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type EpisodeId, isEpisodeId } from "../domain/names.ts"
import type { Order } from "../domain/shipperSettings.ts"
import { Volume } from "../services/Volume.ts"
import { wordsOf } from "../systemError.ts"
import { attend } from "./attend.ts"
import { judgeSuspect, readSuspects, writeSuspects } from "./damage.ts"
import { Link, type LinkClosed } from "./Link.ts"
import { noteSuccess, noteTrouble } from "./lastWords.ts"
import { DONE_MARKER, Layout } from "./layout.ts"
import { readTally, tallyOwner } from "./notes.ts"
import { openShelf } from "./outbox.ts"
import { Patience } from "./Patience.ts"
import { Progress } from "./Progress.ts"
import { openQueue, type Queue } from "./queue.ts"
import { Resumption } from "./resume/Resumption.ts"
import { type Counts, count, newRun, type Run, type Stop } from "./run.ts"
import { makeTurn, Turn } from "./Turn.ts"

/** How the operator wants a pass done. */
export class Pace extends Context.Service<
  Pace,
  {
    /** Episodes at a time. */
    readonly concurrency: number
    /** Of zstd. */
    readonly compressionLevel: number
    readonly order: Order
  }
>()("cis490/shipper/Pace") {}

export interface PassResult {
  readonly counts: Readonly<Counts>
  /** Names of episodes that are still in `episodes/`, finished or not. */
  readonly left: number
  /** Why the pass ended early; absent when it got through. */
  readonly stop: Stop | undefined
  /** Nothing may be sent at this time, and so many finished episodes wait for it. */
  readonly closed: { readonly why: LinkClosed; readonly waiting: number } | undefined
  /** It ended early to look what came meanwhile. */
  readonly cut: boolean
  /** An upload that got on made way, for a stop or for what came meanwhile. */
  readonly handedBack: boolean
}

/** Whether something got on, or nothing has to: where episodes only wait by themselves, nothing is known of what they met. */
export const showsWell = ({ counts, handedBack, left }: Pick<PassResult, "counts" | "handedBack" | "left">): boolean =>
  handedBack || left === 0 || counts.scanned > counts.transient_failures

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

/** Notes the last success for `status`, at most this often while a pass goes on. */
const NOTE_MILLIS = 5000

/** Seconds until the other side wants to be asked again, of those that it said. */
const rest = Effect.fnUntraced(function* ({ stop, stoppedAt }: Run) {
  const now = yield* Clock.monotonicTimeNanos
  const since = Number(now - (stoppedAt ?? now)) / 1e9
  return stop?.retryAfter === undefined ? undefined : Math.max(0, stop.retryAfter - since)
})

/** Is told of a stop at once, by every worker that leaves for it. */
type OnStop = (stop: Stop) => Effect.Effect<void>

const mayGoOn = Effect.fnUntraced(function* (run: Run, onStop: OnStop) {
  const link = yield* Link
  const left = yield* link.restrained
  if (left > 0) run.stop ??= { error: "the receiver asked to be left alone for a while", status: 429, retryAfter: left }
  if (run.stop !== undefined) {
    run.stoppedAt ??= yield* Clock.monotonicTimeNanos
    // Not at the end of the pass: a neighbour's body in one piece may take hours yet.
    yield* onStop(run.stop)
    return false
  }
  return yield* link.open.pipe(
    Effect.as(true),
    Effect.catchTag("LinkClosed", (why) =>
      Effect.sync(() => {
        run.closed = why
        return false
      })
    )
  )
})

/** Takes the next episode until none is left or the pass must stop; as many of these run as episodes may be in hand. */
const worker = Effect.fnUntraced(function* (run: Run, queue: Queue, look: (id: EpisodeId) => Looked, onStop: OnStop) {
  const progress = yield* Progress
  const patience = yield* Patience
  while (yield* mayGoOn(run, onStop)) {
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

/** How many finished episodes a closed link holds up. */
const countClosed = Effect.fnUntraced(function* (why: LinkClosed) {
  const volume = yield* Volume
  const paths = yield* Layout
  const { count } = yield* volume.countHolding(paths.episodes, DONE_MARKER, isEpisodeId)
  return { why, waiting: count }
})

/** Scans and ships once: in turns, if another pass comes soon, else to the end. Fails only when a listing does. */
export const runPass = Effect.fnUntraced(function* (how: "in turns" | "to the end", onStop: OnStop) {
  const pace = yield* Pace
  const progress = yield* Progress
  const shelf = yield* openShelf(pace.concurrency, pace.order)
  const { handedBack: begun } = yield* Resumption
  const queue = yield* openQueue(pace.order, yield* listStoppers, { how, begun: new Set(begun) })
  const suspects = yield* readSuspects
  const run = newRun(suspects)
  progress.total = queue.total
  progress.done = 0

  const look = (id: EpisodeId) => attend(run, id, { held: shelf.held.has(id), level: pace.compressionLevel, shelf })
  // One looks whether anything may be sent, even where there is nothing to send.
  const workers = Array.from({ length: Math.max(1, Math.min(pace.concurrency, queue.total)) }, () =>
    worker(run, queue, look, onStop)
  )
  // An upload that gets on goes on while the others may not be tried again.
  const isStopped = Effect.map(rest(run), (left) => how === "in turns" && run.stop !== undefined && (left ?? 0) === 0)
  const turn = makeTurn(Effect.flatMap(isStopped, (stopped) => (stopped ? Effect.succeed(true) : queue.isStale)))
  yield* Effect.provideService(Effect.all(workers, { concurrency: "unbounded", discard: true }), Turn, turn)
  yield* Effect.uninterruptible(judgeSuspect(run))

  yield* Effect.catch(writeSuspects(suspects, run), (error) =>
    Effect.logWarning(`cannot note who arrived damaged: ${wordsOf(error)}`)
  )
  yield* noteEnd(run)
  progress.steps++
  const left = queue.total - run.counts.shipped - run.counts.fatal
  const closed = run.closed && (yield* countClosed(run.closed))
  const { counts, handedBack } = run
  const stop = run.stop && { ...run.stop, retryAfter: yield* rest(run) }
  return { counts, left, stop, closed, cut: queue.wasCut(), handedBack } satisfies PassResult
})
