/**
 * From a verdict to what is done on the host. Every step is one rename with a crash point on either side of it; what a crash leaves
 * takes the ordinary path in the next pass.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Commit, EpisodeId } from "../domain/names.ts"
import { ConflictNote } from "../domain/reason.ts"
import type { Acknowledgement, Verdict } from "../domain/verdict.ts"
import * as Durable from "../durable.ts"
import { isTaken, typeAt } from "../presence.ts"
import { readConflictNote, removeConflictNote } from "./conflictNote.ts"
import { freeName } from "./freeName.ts"
import { Layout } from "./layout.ts"
import { makeOurs } from "./makeOurs.ts"
import { forget, forgetButChanges, isRestless, type PackingNote, readTally, type Tally, writeTally } from "./notes.ts"
import { removeTarball } from "./outbox.ts"
import { quarantine } from "./quarantine.ts"

const encodeConflict = Schema.encodeEffect(Schema.fromJsonString(ConflictNote))

/** A receipt without its directory may be replaced; an episode of that name may not. */
const isOccupied = Effect.fnUntraced(function* (name: string) {
  const paths = yield* Layout
  return (yield* isTaken(paths.shippedEpisode(name))) || (yield* typeAt(paths.receipt(name))) === "Directory"
})

/** The receiver has it, durably: the receipt is written, then the directory moves, then the tarball goes. */
export const retire = Effect.fnUntraced(function* (id: EpisodeId, answer: Acknowledgement, bytes: number) {
  const paths = yield* Layout
  const name = yield* freeName(id, isOccupied)
  const shipped_at = DateTime.formatIso(yield* DateTime.now)
  const receipt = JSON.stringify({ ...answer, shipped_at })
  yield* Durable.write(paths.receipt(name), `${receipt}\n`, `${paths.state}/drafts/${name}.receipt`)
  // A crash here leaves a receipt without its directory: it counts for nothing and is replaced.
  yield* makeOurs(paths.episode(id))
  yield* Durable.move(paths.episode(id), paths.shippedEpisode(name))
  // A crash here leaves a tarball without its episode: the sweep removes it.
  yield* removeTarball(id)
  yield* forget(id)
  yield* Effect.logInfo("shipped").pipe(
    Effect.annotateLogs({ episode: id, status: answer.status, bytes, ...(name !== id && { as: name }) })
  )
})

/** Other content stands under this id: nothing is sent again until an operator acts or the episode changes. */
export const hold = Effect.fnUntraced(function* (
  id: EpisodeId,
  verdict: Extract<Verdict, { _tag: "Conflict" }>,
  note: PackingNote
) {
  const paths = yield* Layout
  const conflict = yield* Effect.orDie(
    encodeConflict({
      episode_id: id,
      stored_sha256: verdict.storedSha256,
      your_sha256: verdict.yourSha256,
      content_sha256: note.content_sha256,
      error: verdict.error,
      remediation: verdict.remediation ?? null,
      body: verdict.body,
      made_from: note.made_from,
      noted_at: DateTime.formatIso(yield* DateTime.now)
    })
  )
  yield* Durable.write(paths.conflictNote(id), `${conflict}\n`, `${paths.state}/drafts/${id}.conflict`)
  // A crash here leaves the tarball beside the note: the note decides.
  yield* removeTarball(id)
  yield* forgetButChanges(id, yield* Clock.currentTimeMillis)
  yield* Effect.logError(`held: ${verdict.error}`).pipe(
    Effect.annotateLogs({ episode: id, status: 409, mend: `cis490-shipper resolve ${id} --keep-stored` })
  )
})

/** Counts a change, until there are too many; from then on it is time again once an hour. */
const changesAllTheTime = Effect.fnUntraced(function* (id: EpisodeId) {
  const tally = yield* readTally(id)
  const now = yield* Clock.currentTimeMillis
  if (isRestless(tally)) return changesTooOften(tally, now)
  const counted = { ...tally, changed: tally.changed + 1, changed_at: now }
  yield* writeTally(id, counted)
  return isRestless(counted)
})

/**
 * Whether the conflict note still speaks of what lies in the episode. A note that cannot be read holds, and so does one of an episode
 * that changes all the time: it would be sent in every pass, and met with the same answer.
 */
export const isStillHeld = Effect.fnUntraced(function* (id: EpisodeId, madeFrom: string) {
  const note = yield* readConflictNote(id)
  // An operator released it a moment ago.
  if (note._tag === "Missing") return false
  if (note._tag === "Broken" || note.value.made_from === undefined || note.value.made_from === madeFrom) return true
  if (yield* changesAllTheTime(id)) return true
  yield* removeConflictNote(id)
  yield* Effect.logInfo("released: it has changed since the conflict").pipe(Effect.annotateLogs({ episode: id }))
  return false
})

export interface Refusal {
  readonly reason: Parameters<typeof quarantine>[1]["reason"]
  readonly status: number
  readonly error: string
  readonly body: unknown
  readonly commit: Commit | undefined
}

/** Refused for good: the reason is written and synced, then the directory moves, then the tarball goes. */
export const refuse = Effect.fnUntraced(function* (id: EpisodeId, refusal: Refusal) {
  const { reason, status, error, body, commit } = refusal
  const name = yield* quarantine(id, { reason, status_code: status, error, body: body ?? null, commit: commit ?? null })
  // A crash here leaves a tarball without its episode: the sweep removes it.
  yield* removeTarball(id)
  yield* forget(id)
  yield* Effect.logError(`quarantined: ${error}`).pipe(
    Effect.annotateLogs({ episode: id, status, reason, ...(name !== id && { as: name }) })
  )
})

const HOUR_MILLIS = 3_600_000

/** After three changes in a row an episode is tried hourly: somebody is still writing to it. */
export const changesTooOften = (tally: Tally, nowMillis: number): boolean => {
  const since = nowMillis - tally.changed_at
  return isRestless(tally) && since >= 0 && since < HOUR_MILLIS
}
