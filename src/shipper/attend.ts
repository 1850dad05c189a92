/** One episode's way through a pass: is it due → is there a usable tarball, else pack → send → what the verdict asks for. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Match from "effect/Match"
import type { Commit, EpisodeId } from "../domain/names.ts"
import type { Verdict } from "../domain/verdict.ts"
import { typeAt } from "../presence.ts"
import { clearLink, meetDamage } from "./damage.ts"
import { Effort } from "./Effort.ts"
import { readCommit } from "./episodeCommit.ts"
import { hostTrouble, meetUnreadable } from "./hostTrouble.ts"
import { Gone, type Inventory, sizeOf, takeInventory, type Unpackable } from "./inventory.ts"
import { DONE_MARKER, isMarker, Layout } from "./layout.ts"
import { type PackingNote, readTally, writePackingNote, writeTally } from "./notes.ts"
import { removeTarball, type Shelf, waitingTarball } from "./outbox.ts"
import { Patience } from "./Patience.ts"
import { isSoonPacked, pack } from "./pack.ts"
import { send } from "./Receiver.ts"
import { meetVerdict, outcome, type Run } from "./run.ts"
import { changesTooOften, hold, isStillHeld, refuse, retire } from "./settle.ts"
import { countShipped } from "./standing.ts"
import { Turn } from "./Turn.ts"

/** One episode in hand, packed. */
interface InHand {
  readonly run: Run
  readonly id: EpisodeId
  readonly note: PackingNote
  readonly commit: Commit | undefined
}

/** Somebody still writes to the episode: counted, and its tarball is worth nothing. */
const meetChange = Effect.fnUntraced(function* (id: EpisodeId, what: string) {
  const tally = yield* readTally(id)
  const changed = tally.changed + 1
  yield* removeTarball(id)
  yield* writeTally(id, { ...tally, changed, changed_at: yield* Clock.currentTimeMillis })
  yield* Effect.logWarning(`${what} changed after done.marker; packing it anew`).pipe(
    Effect.annotateLogs({ episode: id, times: changed })
  )
})

/** Not retired, whatever was answered: what was sent is not what lies here now. */
const startOver = (id: EpisodeId, what: string) => Effect.as(meetChange(id, what), outcome("transient_failures"))

/** Settles only what was really judged: `Gone` when the directory is not there any more, a new start when it has changed. */
const unlessChanged = <A, E, R>({ id, note }: InHand, settle: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const paths = yield* Layout
    const now = yield* takeInventory(paths.episode(id), id).pipe(
      Effect.catchTag("Unpackable", () => Effect.succeed<Inventory | undefined>(undefined))
    )
    return now?.madeFrom === note.made_from ? yield* settle : yield* startOver(id, "the episode")
  })

/** On 412 the remediation is what a person must read: whole, and once per pass. */
const sayRemediation = Effect.fnUntraced(function* (run: Run, verdict: Extract<Verdict, { _tag: "Rejected" }>) {
  const { remediation, status } = verdict
  if (status !== 412 || remediation === undefined || run.said.has(remediation)) return
  run.said.add(remediation)
  yield* Effect.logError(remediation)
})

/** Another answer than a digest mismatch ends their row; whose sending stopped the pass comes last in the next. */
const tallyStay = Effect.fnUntraced(function* (id: EpisodeId, stopped: boolean) {
  const tally = yield* readTally(id)
  if (!stopped && tally.damaged === 0) return
  yield* writeTally(id, { ...tally, damaged: 0, stopped: tally.stopped + (stopped ? 1 : 0) })
})

/** Notes what the tarball is, for a later pass; one that is not noted is packed again. */
const keepTarball = (id: EpisodeId, note: PackingNote) => Effect.ignore(writePackingNote(id, note))

/** Everything stays for a later pass. */
const stays = Effect.fnUntraced(function* (
  inHand: InHand,
  verdict: Extract<Verdict, { _tag: "Transient" | "NotLetIn" }>
) {
  const { id, note, run } = inHand
  const wasRunning = run.stop === undefined
  meetVerdict(run, id, verdict)
  const hasStopped = wasRunning && run.stop !== undefined
  yield* keepTarball(id, note)
  // Where nothing could be reached, the episode has no part in it and keeps its turn.
  const tookPart = verdict._tag === "NotLetIn" || verdict.reached
  if (tookPart) yield* tallyStay(id, hasStopped)
  if (run.stop === undefined) {
    const patience = yield* Patience
    yield* patience.failed(id, verdict._tag === "Transient" ? verdict.retryAfter : undefined)
    yield* Effect.logWarning(`not shipped: ${verdict.error}`).pipe(
      Effect.annotateLogs({ episode: id, status: verdict.status })
    )
  }
  return outcome("transient_failures")
})

/** What is done on every verdict; a missing row does not compile. */
const settle = (inHand: InHand, verdict: Verdict) => {
  const { commit, id, note, run } = inHand
  return Match.valueTags(verdict, {
    Shipped: ({ answer }) =>
      Effect.andThen(
        // Only what was taken in now has shown that a body gets through whole.
        answer.status === "stored" ? clearLink(run) : endRow(run),
        unlessChanged(
          inHand,
          retire(id, answer, note.bytes).pipe(Effect.andThen(countShipped), Effect.as(outcome("shipped")))
        )
      ),
    Conflict: (conflict) => Effect.andThen(endRow(run), Effect.as(hold(id, conflict, note), outcome("conflicts"))),
    Rejected: (refusal) =>
      endRow(run).pipe(
        Effect.andThen(sayRemediation(run, refusal)),
        Effect.andThen(unlessChanged(inHand, Effect.as(refuse(id, { ...refusal, commit }), outcome("fatal"))))
      ),
    DamagedOnTheWay: ({ body, error, status }) => meetDamage(run, { id, status, error, body, commit }),
    NotLetIn: (notLetIn) => stays(inHand, notLetIn),
    Transient: (transient) => stays(inHand, transient)
  })
}

/** The receiver judged for itself. */
const endRow = (run: Run) => Effect.sync(() => run.row.clear())

/** What the answer to an episode that somebody took meanwhile still says about the way. */
const settleGone = (run: Run, id: EpisodeId, verdict: Verdict): Effect.Effect<never, Gone> => {
  if (verdict._tag === "Transient" || verdict._tag === "NotLetIn") meetVerdict(run, id, verdict)
  return Effect.fail(new Gone())
}

const neverPackable = Effect.fnUntraced(function* (run: Run, id: EpisodeId, { why }: Unpackable) {
  const paths = yield* Layout
  run.lastTrouble = `${id}: ${why}`
  const commit = yield* readCommit(paths.episode(id))
  yield* refuse(id, { reason: "unpackable", status: 0, error: `unpackable: ${why}`, body: null, commit })
  return outcome("fatal")
})

/** Whether the recorder has finished it and its own wait is over. */
const isReady = Effect.fnUntraced(function* (id: EpisodeId) {
  const paths = yield* Layout
  const patience = yield* Patience
  if (!(yield* patience.isDue(id)) || (yield* typeAt(paths.episode(id))) !== "Directory") return false
  return isMarker(yield* typeAt(`${paths.episode(id)}/${DONE_MARKER}`))
})

/** One that takes a while waits for its turn, and is looked at again then. */
const packNow = Effect.fnUntraced(function* (id: EpisodeId, inventory: Inventory, level: number) {
  const paths = yield* Layout
  const effort = yield* Effort
  const packAs = (inventory: Inventory) =>
    effort.packing({ bytes: sizeOf(inventory), level }, (level) => pack(id, inventory, level))
  if (isSoonPacked(sizeOf(inventory))) return yield* packAs(inventory)
  return yield* effort.inTurn(Effect.flatMap(takeInventory(paths.episode(id), id), packAs))
})

const shipIt = Effect.fnUntraced(function* (
  run: Run,
  id: EpisodeId,
  inventory: Inventory,
  { level, mayWait }: { readonly level: number; readonly mayWait: boolean }
) {
  const paths = yield* Layout
  const waiting = mayWait ? yield* waitingTarball(id) : undefined
  const usable = waiting?.made_from === inventory.madeFrom
  if (waiting !== undefined && !usable) yield* meetChange(id, "the episode")
  const effort = yield* Effort
  const turn = yield* Turn
  const note = usable ? waiting : yield* turn.inOneGo(packNow(id, inventory, level))
  const commit = yield* readCommit(paths.episode(id))
  const parcel = {
    episodeId: id,
    tarball: paths.tarball(id),
    bytes: note.bytes,
    sha256: note.sha256,
    contentSha256: note.content_sha256,
    commit
  }
  // Where bytes are dear it is noted before: after a crash only the same tarball goes on where it was cut.
  if (effort.takesLong(note.bytes)) yield* keepTarball(id, note)
  let before = 0
  const sending = send(parcel, (offset) => {
    before = offset
  })
  const sent = () => note.bytes - before
  const verdict = yield* Effect.onError(effort.sending(note.bytes, sending, sent), () => keepTarball(id, note))
  if ((yield* typeAt(paths.episode(id))) !== "Directory") return yield* settleGone(run, id, verdict)
  if (verdict._tag !== "Shipped") run.lastTrouble = `${id}: ${verdict.error}`
  return yield* settle({ run, id, note, commit }, verdict).pipe(
    Effect.catchTag("PlatformError", (error) => hostTrouble(run, id, error, "answered, but cannot be put away now")),
    Effect.uninterruptible
  )
})

/** Looks at one episode. `held`: a conflict note lies in the outbox; `level`: of zstd. */
export const attend = Effect.fnUntraced(
  function* (
    run: Run,
    id: EpisodeId,
    options: { readonly held: boolean; readonly level: number; readonly shelf: Shelf }
  ) {
    const paths = yield* Layout
    if (!(yield* isReady(id))) return outcome("notReady")
    const inventory = yield* takeInventory(paths.episode(id), id)
    if (options.held && (yield* isStillHeld(id, inventory.madeFrom))) return outcome("conflicts")
    if (changesTooOften(yield* readTally(id), yield* Clock.currentTimeMillis)) return outcome("transient_failures")
    return yield* options.shelf.place(id, (mayWait) => shipIt(run, id, inventory, { level: options.level, mayWait }))
  },
  (effect, run, id) =>
    effect.pipe(
      Effect.catchTags({
        Unpackable: (error) => Effect.uninterruptible(neverPackable(run, id, error)),
        ChangedWhilePacking: ({ path }) => startOver(id, path),
        TarballUnreadable: (error) => meetUnreadable(run, id, error)
      }),
      Effect.catchTags({
        PlatformError: (error) => hostTrouble(run, id, error),
        CodecError: (error) => hostTrouble(run, id, error),
        DiskNearlyFull: (error) => hostTrouble(run, id, error)
      }),
      Effect.catchTags({
        LinkClosed: () => Effect.succeed(outcome("notReady")),
        HandedBack: () =>
          Effect.sync(() => {
            run.handedBack = true
            return outcome("notReady")
          })
      }),
      Effect.catchTag("Gone", () =>
        Effect.as(
          Effect.logInfo("vanished while it was looked at").pipe(Effect.annotateLogs({ episode: id })),
          outcome("vanished")
        )
      )
    )
)
