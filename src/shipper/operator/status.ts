/** `status`: what lies where, and how it went last. Beside a working daemon it is a moment's picture, not a snapshot. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { isEpisodeId } from "../../domain/names.ts"
import { Reason, type ReasonName } from "../../domain/reason.ts"
import { formatTime } from "../../domain/time.ts"
import { isTaken, orMissing, typeAt } from "../../presence.ts"
import { Volume } from "../../services/Volume.ts"
import { heldIds } from "../conflictNote.ts"
import { readInFlight } from "../inFlight.ts"
import { type LastWords, readLastWords } from "../lastWords.ts"
import { DONE_MARKER, isMarker, Layout, REASON_FILE, SUFFIX } from "../layout.ts"
import { readJson } from "../readJson.ts"
import type { Figures } from "../transfers.ts"
import { treeBytes } from "./treeBytes.ts"

export interface Bulk {
  count: number
  bytes: number
}

/** Where an episode in `episodes/` stands: waiting to be sent, being written, or held by a conflict. */
export type Stage = "ready" | "recording" | "held"

export interface Status extends LastWords {
  /** Whoever holds the data root; the pid is null when nobody does, or nobody knows. */
  readonly daemon: { readonly running: boolean; readonly pid: number | null }
  readonly episodes: Readonly<Record<Stage, Bulk>>
  /** The episodes that a conflict holds. */
  readonly conflicts: ReadonlyArray<string>
  /** Names in `episodes/` that are no episodes: no valid id, or no directory. */
  readonly stray_names: number
  /** Tarballs, finished or not. */
  readonly outbox: Bulk
  readonly shipped: Bulk
  /** `unknown` stands for entries without a legible reason. */
  readonly quarantine: Readonly<Partial<Record<ReasonName | "unknown", Bulk>>>
  /** The ready episode whose `done.marker` is oldest, and when that was written (RFC 3339, UTC). */
  readonly oldest_waiting: { readonly episode_id: string; readonly since: string } | null
  /** What the shipper that runs now is sending, the largest first. */
  readonly in_flight: ReadonlyArray<Figures>
}

const CONCURRENCY = 8

const nothing = (): Bulk => ({ count: 0, bytes: 0 })

const add = (tally: Bulk, bytes: number): void => {
  tally.count++
  tally.bytes += bytes
}

/** Acts on every entry; a directory that is not there has none. */
const eachEntry = Effect.fnUntraced(function* <R>(
  directory: string,
  act: (entry: FileSystem.DirectoryEntry) => Effect.Effect<void, PlatformError, R>
) {
  const fs = yield* FileSystem.FileSystem
  // Names only, and each looked at in its turn: a backlog of 100,000 is not held in memory with all that is known of it.
  const names = ((yield* orMissing(fs.readDirectory(directory))) ?? [])[Symbol.iterator]()
  const worker = Effect.gen(function* () {
    for (let next = names.next(); next.done !== true; next = names.next()) {
      const type = yield* typeAt(`${directory}/${next.value}`)
      if (type !== undefined) yield* act({ name: next.value, type })
    }
  })
  yield* Effect.all(
    Array.from({ length: CONCURRENCY }, () => worker),
    { concurrency: "unbounded", discard: true }
  )
})

/** Fails when the data root is not there, or something in it cannot be read. */
export const status = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  // It may be a link, as for the daemon.
  yield* fs.stat((yield* Layout).root)
  const holder = yield* daemon
  return {
    daemon: holder,
    in_flight: holder.running ? yield* readInFlight : [],
    ...(yield* lookIntoEpisodes),
    conflicts: yield* heldIds,
    outbox: yield* lookIntoOutbox,
    shipped: yield* lookIntoShipped,
    quarantine: yield* lookIntoQuarantine,
    ...(yield* readLastWords)
  } satisfies Status
})

const daemon = Effect.gen(function* () {
  const volume = yield* Volume
  const holder = yield* volume.lockHolder((yield* Layout).lock)
  return { running: holder !== undefined, pid: typeof holder === "number" ? holder : null }
})

const lookIntoEpisodes = Effect.gen(function* () {
  const paths = yield* Layout
  const volume = yield* Volume
  const episodes = { ready: nothing(), recording: nothing(), held: nothing() }
  let stray_names = 0
  const oldest = { episode_id: "", millis: Number.POSITIVE_INFINITY }
  yield* eachEntry(
    paths.episodes,
    Effect.fnUntraced(function* ({ name, type }: FileSystem.DirectoryEntry) {
      if (type !== "Directory" || !isEpisodeId(name)) {
        stray_names++
        return
      }
      const marker = yield* orMissing(volume.inspect(`${paths.episode(name)}/${DONE_MARKER}`))
      // Shipped or moved while we looked: it is counted where it lies now, or by the next look.
      if (marker === undefined && !(yield* isTaken(paths.episode(name)))) return
      const stage = !isMarker(marker?.type)
        ? "recording"
        : (yield* isTaken(paths.conflictNote(name)))
          ? "held"
          : "ready"
      add(episodes[stage], yield* treeBytes(paths.episode(name)))
      const millis = Number((marker?.mtimeNs ?? 0n) / 1_000_000n)
      if (stage === "ready" && millis < oldest.millis) Object.assign(oldest, { episode_id: name, millis })
    })
  )
  const { episode_id, millis } = oldest
  return { episodes, stray_names, oldest_waiting: episode_id === "" ? null : { episode_id, since: formatTime(millis) } }
})

const lookIntoOutbox = Effect.gen(function* () {
  const paths = yield* Layout
  const tally = nothing()
  yield* eachEntry(
    paths.outbox,
    Effect.fnUntraced(function* ({ name }: FileSystem.DirectoryEntry) {
      if (name.endsWith(SUFFIX.tarball) || name.endsWith(SUFFIX.partial))
        add(tally, yield* treeBytes(`${paths.outbox}/${name}`))
    })
  )
  return tally
})

const lookIntoShipped = Effect.gen(function* () {
  const paths = yield* Layout
  const tally = nothing()
  yield* eachEntry(
    paths.shipped,
    Effect.fnUntraced(function* ({ name, type }: FileSystem.DirectoryEntry) {
      if (type === "Directory") add(tally, yield* treeBytes(paths.shippedEpisode(name)))
    })
  )
  return tally
})

const lookIntoQuarantine = Effect.gen(function* () {
  const paths = yield* Layout
  const byReason: Partial<Record<ReasonName | "unknown", Bulk>> = {}
  yield* eachEntry(
    paths.quarantine,
    Effect.fnUntraced(function* ({ name, type }: FileSystem.DirectoryEntry) {
      const file = `${paths.quarantined(name)}/${REASON_FILE}`
      const reading = type === "Directory" ? yield* readJson(file, Reason) : undefined
      const reason = reading?._tag === "Read" ? reading.value.reason : "unknown"
      add((byReason[reason] ??= nothing()), yield* treeBytes(paths.quarantined(name)))
    })
  )
  return byReason
})
