/**
 * What is removed from a lab host, and when. The only way in which an unshipped episode is ever deleted is `quarantine_keep_days`;
 * what was shipped is pruned only while the receiver says that it holds this very content.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import { isEpisodeId, withoutSuffix } from "../domain/names.ts"
import { Receipt } from "../domain/reason.ts"
import { typeAt } from "../presence.ts"
import { Volume } from "../services/Volume.ts"
import { wordsOf } from "../systemError.ts"
import { forgetAcknowledgement } from "./acknowledgement.ts"
import { bringBack, removeReceipt } from "./bringBack.ts"
import { type Room, whenCrowded, whenDue } from "./calendar.ts"
import { Destination } from "./Destination.ts"
import { discard, emptyTrash } from "./discard.ts"
import { Layout } from "./layout.ts"
import { readEntry } from "./quarantineEntry.ts"
import { holding } from "./Receiver.ts"
import { readJson } from "./readJson.ts"

/** How long things stay. Days, 0 = for ever. */
export class Retention extends Context.Service<
  Retention,
  {
    readonly keepLocalForDays: number
    readonly quarantineKeepDays: number
    readonly cleanupIntervalSeconds: number
    /** Below this much free space `shipped/` is pruned ahead of its days. Bytes. */
    readonly minFreeBytes: number
  }
>()("cis490/shipper/Retention") {}

const DAY_MILLIS = 86_400_000

/** What cannot be done about one entry is said, and holds up no other. */
const orSaid = <A, R>(entry: string, otherwise: A, effect: Effect.Effect<A, PlatformError, R>) =>
  Effect.catch(effect, (error) =>
    Effect.as(
      Effect.logWarning(`cannot be cleaned up: ${wordsOf(error)}`).pipe(Effect.annotateLogs({ entry })),
      otherwise
    )
  )

const cleanEntry = Effect.fnUntraced(function* (name: string, keepDays: number, now: number) {
  const paths = yield* Layout
  const entry = yield* readEntry(name, keepDays)
  const due = Option.flatMap(Option.fromNullishOr(entry?.deleted_at), DateTime.make)
  if (entry === undefined || Option.isNone(due) || DateTime.toEpochMillis(due.value) > now) return
  yield* discard(paths.quarantined(name), name)
  yield* Effect.logWarning("deleted from quarantine").pipe(
    Effect.annotateLogs({ entry: name, reason: entry.reason, since: entry.quarantined_at, keep_days: keepDays })
  )
  yield* forgetAcknowledgement(name)
})

const cleanQuarantine = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const { quarantineKeepDays } = yield* Retention
  if (quarantineKeepDays === 0) return
  const now = yield* Clock.currentTimeMillis
  for (const name of yield* fs.readDirectory(paths.quarantine)) {
    yield* orSaid(name, undefined, cleanEntry(name, quarantineKeepDays, now))
  }
})

interface Retired {
  readonly name: string
  readonly shippedAt: number
  readonly receipt: Receipt
}

/** What was shipped, oldest first. A directory without a receipt that can be read is never pruned. */
const listRetired = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const retired: Array<Retired> = []
  for (const name of yield* fs.readDirectory(paths.shipped)) {
    if (!isEpisodeId(withoutSuffix(name))) continue
    const reading = yield* orSaid(name, undefined, readJson(paths.receipt(name), Receipt))
    if (reading?._tag !== "Read") continue
    const shippedAt = Option.getOrUndefined(DateTime.make(reading.value.shipped_at))
    if (shippedAt !== undefined)
      retired.push({ name, shippedAt: DateTime.toEpochMillis(shippedAt), receipt: reading.value })
  }
  return retired.toSorted((a, b) => a.shippedAt - b.shippedAt)
})

/** Asks the receiver, then deletes, brings back or leaves alone. `false`: the receiver gave no word. */
const prune = Effect.fnUntraced(function* ({ name, receipt }: Retired) {
  const paths = yield* Layout
  const destination = yield* Destination
  const id = withoutSuffix(name)
  const hostId = receipt.host_id ?? destination.hostId
  if (!isEpisodeId(id) || (yield* typeAt(paths.shippedEpisode(name))) !== "Directory") return true
  const held = yield* holding(hostId, id)
  if (held._tag === "NoWord") {
    yield* Effect.logWarning(`not pruned: ${held.error}`).pipe(Effect.annotateLogs({ episode: id, host: hostId }))
    // About what another host name shipped the receiver may never tell us: that says nothing about our own.
    return hostId !== destination.hostId
  }
  if (held._tag === "HoldsUnknown") {
    yield* Effect.logWarning("not pruned: the receiver holds it, and does not say which content").pipe(
      Effect.annotateLogs({ episode: name })
    )
    return true
  }
  if (held._tag === "Holds" && held.contentSha256 === receipt.content_sha256) {
    yield* discard(paths.shippedEpisode(name), name)
    yield* removeReceipt(name)
    yield* Effect.logInfo("pruned").pipe(Effect.annotateLogs({ episode: name, shipped_at: receipt.shipped_at }))
    return true
  }
  if (held._tag === "Holds") {
    yield* Effect.logError("the receiver holds other content than it acknowledged; not pruned").pipe(
      Effect.annotateLogs({ episode: name, mend: `cis490-shipper reship ${name}` })
    )
    return true
  }
  if (hostId !== destination.hostId) {
    yield* Effect.logError(`the receiver has lost it, and it was shipped as ${hostId}; left in shipped/`).pipe(
      Effect.annotateLogs({ episode: name })
    )
    return true
  }
  const back = yield* bringBack(paths.shippedEpisode(name), id)
  if (back === "back") yield* removeReceipt(name)
  yield* Effect.logError(
    back === "back"
      ? "the receiver has lost it: brought back to episodes/"
      : "the receiver has lost it, and it cannot be brought back while its name is taken in episodes/"
  ).pipe(Effect.annotateLogs({ episode: name }))
  return true
})

/** Questions without a word in a row, after which there is no point in asking on. */
const ASK_LIMIT = 3

/** Of what was retired `since` then. Gives whether the receiver had a word at last. */
const pruneWhile = Effect.fnUntraced(function* (
  due: (retired: Retired) => Effect.Effect<boolean, PruneError, PruneNeeds>,
  since = 0
) {
  let unanswered = 0
  for (const retired of yield* listRetired) {
    if (retired.shippedAt < since) continue
    if (unanswered === ASK_LIMIT || !(yield* due(retired))) break
    unanswered = (yield* orSaid(retired.name, true, prune(retired))) ? 0 : unanswered + 1
  }
  return unanswered === 0
})
type PruneError = PlatformError
type PruneNeeds = Volume | Layout

const pruneByAge = Effect.gen(function* () {
  const { keepLocalForDays } = yield* Retention
  if (keepLocalForDays === 0) return
  const now = yield* Clock.currentTimeMillis
  yield* pruneWhile(({ shippedAt }) => Effect.succeed(now - shippedAt > keepLocalForDays * DAY_MILLIS))
})

/** "For ever" is kept for ever, however full the disk. */
const pruneForSpace = Effect.gen(function* () {
  const { cleanupIntervalSeconds, keepLocalForDays, minFreeBytes } = yield* Retention
  const paths = yield* Layout
  const volume = yield* Volume
  const isLow = Effect.map(volume.space(paths.root), ({ freeBytes }) => freeBytes < minFreeBytes)
  if (keepLocalForDays === 0 || !(yield* isLow)) return
  const makeRoom = Effect.fnUntraced(function* (since: number) {
    const heard = yield* pruneWhile(() => isLow, since)
    const room: Room = !(yield* isLow) ? "enough" : heard ? "too little" : "no word"
    return room
  })
  yield* whenCrowded(cleanupIntervalSeconds, makeRoom)
})

/** Everything that is due. What cannot be removed is logged, and tried again when it is due again. */
export const cleanup = Effect.gen(function* () {
  const { cleanupIntervalSeconds } = yield* Retention
  yield* pruneForSpace
  yield* whenDue(
    cleanupIntervalSeconds,
    Effect.gen(function* () {
      yield* emptyTrash
      yield* cleanQuarantine
      yield* pruneByAge
    })
  )
}).pipe(Effect.catchTag("PlatformError", (error) => Effect.logWarning(`cannot clean up: ${wordsOf(error)}`)))
