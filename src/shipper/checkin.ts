/** What this host tells the receiver about itself, and whether its next episodes would be accepted. */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import { isEpisodeId } from "../domain/names.ts"
import type { PingBody } from "../domain/ping.ts"
import { orMissing } from "../presence.ts"
import { Volume } from "../services/Volume.ts"
import * as Unsynced from "../unsynced.ts"
import { heldIds } from "./conflictNote.ts"
import { Destination } from "./Destination.ts"
import { installedCommit } from "./installedCode.ts"
import { DONE_MARKER, Layout } from "./layout.ts"
import { ask } from "./Receiver.ts"

/** What runs on this host. */
export class Installation extends Context.Service<
  Installation,
  {
    /** Of this program. */
    readonly version: string
    /** The checkout whose HEAD is this host's commit. */
    readonly repoPath: string
  }
>()("cis490/shipper/Installation") {}

/** The answer as `ping` prints it; `status_code` 0 when nothing answered. */
export interface PingResult {
  readonly ok: boolean
  readonly status_code: number
  readonly body: unknown
  readonly error: string | null
}

/** Random, kept in the data root: a copied host shows as two under one name. */
const instanceId = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = `${(yield* Layout).state}/instance_id`
  const known = yield* Effect.option(fs.readFileString(path))
  if (Option.isSome(known) && /^[0-9a-f]{32}$/.test(known.value)) return known.value
  const digits = yield* Effect.replicateEffect(Random.nextIntBetween(0, 16, { halfOpen: true }), 32)
  const made = digits.map((digit) => digit.toString(16)).join("")
  yield* Unsynced.create(path, made)
  return made
})

/** How many finished episodes wait, and since when the one with the oldest name does; what a conflict holds does not wait. */
const countWaiting = Effect.fnUntraced(function* (held: ReadonlySet<string>) {
  const volume = yield* Volume
  const paths = yield* Layout
  const counts = (name: string) => !held.has(name) && isEpisodeId(name)
  const found = yield* orMissing(volume.countHolding(paths.episodes, DONE_MARKER, counts))
  const waiting = found?.count ?? 0
  const oldest = found?.first
  if (oldest === undefined) return { waiting, oldest_waiting_at: null }
  const { mtimeNs } = yield* volume.inspect(`${paths.episode(oldest)}/${DONE_MARKER}`)
  const since = DateTime.make(Number(mtimeNs / 1_000_000n))
  return { waiting, oldest_waiting_at: Option.getOrNull(Option.map(since, DateTime.formatIso)) }
})

/** What cannot be known now, on a fresh host or as another user, is left unsaid: asking the receiver needs none of it. */
const words = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const paths = yield* Layout
  const { hostId } = yield* Destination
  const { repoPath, version } = yield* Installation
  const held = new Set(Option.getOrElse(yield* Effect.option(heldIds), () => []))
  const quarantined = yield* Effect.option(fs.readDirectory(paths.quarantine))
  const waiting = yield* Effect.option(countWaiting(held))
  const space = yield* Effect.option(volume.space(paths.root))
  return {
    host_id: hostId,
    commit: (yield* installedCommit(repoPath)) ?? null,
    version,
    instance_id: Option.getOrNull(yield* Effect.option(instanceId)),
    ...Option.getOrElse(waiting, () => ({})),
    quarantined: Option.getOrNull(Option.map(quarantined, (names) => names.length)),
    conflicts: held.size,
    free_bytes: Option.getOrNull(Option.map(space, ({ freeBytes }) => freeBytes))
  } satisfies PingBody
})

export const fromReply = (status: number, body: unknown): PingResult => {
  const said = Predicate.isObject(body) ? body : {}
  const answered = status === 200 && said.ok === true
  const refused = said.commit_allowed === false
  const error = refused
    ? "this host's commit is not in the window: its next episodes will be refused"
    : Predicate.isString(said.error)
      ? said.error
      : `HTTP status ${status} that is not the receiver's own`
  return {
    ok: answered && !refused,
    status_code: status,
    body: body ?? null,
    error: answered && !refused ? null : error
  }
}

/** Reaches the receiver with the same authentication as sending; stores nothing in the dataset. */
export const checkIn = Effect.gen(function* () {
  const reply = yield* ask(yield* words)
  return fromReply(reply.status, reply.body)
}).pipe(
  Effect.catchTag("Unanswered", ({ error }) =>
    Effect.succeed<PingResult>({ ok: false, status_code: 0, body: null, error })
  )
)
