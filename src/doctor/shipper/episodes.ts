/** What lies in `episodes/`: looked at once, for every check that asks. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type EpisodeId, isEpisodeId } from "../../domain/names.ts"
import { orMissing } from "../../presence.ts"
import { Volume } from "../../services/Volume.ts"
import { heldIds } from "../../shipper/conflictNote.ts"
import { DONE_MARKER, isMarker, Layout } from "../../shipper/layout.ts"

export interface Waiting {
  readonly id: EpisodeId
  /** When it was finished. Milliseconds since 1970. */
  readonly since: number
}

export interface Episodes {
  /** Names that are no episodes. */
  readonly strays: ReadonlyArray<string>
  /** Finished, and held by nothing; by name. */
  readonly waiting: ReadonlyArray<Waiting>
  /** Held by a conflict note. */
  readonly held: ReadonlyArray<EpisodeId>
  /** Not looked at: there are too many to be gone through in time. */
  readonly left: number
}

const AT_ONCE = 16
/** The rest of a large backlog says little more than what was seen of it by then. */
const SURVEY_MILLIS = 5000

/** Not through `Volume.page`, which would wait in the foreground for a disk that hangs. */
export const survey = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const volume = yield* Volume
  const entries = (yield* orMissing(fs.readDirectoryEntries(paths.episodes))) ?? []
  const isEpisode = ({ name, type }: FileSystem.DirectoryEntry): boolean => type === "Directory" && isEpisodeId(name)
  const strays = entries.filter((entry) => !isEpisode(entry)).map(({ name }) => name)
  const held = yield* heldIds
  const isHeld = new Set<string>(held)
  const ids = entries
    .filter(isEpisode)
    .map(({ name }) => name)
    .filter(isEpisodeId)
    .filter((id) => !isHeld.has(id))
    .toSorted()
  const waiting: Array<Waiting> = []
  const until = (yield* Clock.currentTimeMillis) + SURVEY_MILLIS
  let next = 0
  const worker = Effect.gen(function* () {
    for (let id = ids[next++]; id !== undefined; id = ids[next++]) {
      const marker = yield* orMissing(volume.inspect(`${paths.episode(id)}/${DONE_MARKER}`))
      if (marker !== undefined && isMarker(marker.type))
        waiting.push({ id, since: Number(marker.mtimeNs / 1_000_000n) })
      if ((yield* Clock.currentTimeMillis) > until) return
    }
  })
  yield* Effect.all(
    Array.from({ length: AT_ONCE }, () => worker),
    { concurrency: "unbounded", discard: true }
  )
  return {
    strays: strays.toSorted(),
    waiting: waiting.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    held,
    left: Math.max(0, ids.length - next)
  } satisfies Episodes as Episodes
})

export const oldestOf = (waiting: ReadonlyArray<Waiting>): Waiting | undefined =>
  waiting.reduce<Waiting | undefined>(
    (oldest, each) => (oldest === undefined || each.since < oldest.since ? each : oldest),
    undefined
  )
