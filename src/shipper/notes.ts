/**
 * What `state/` remembers of an episode between passes: from what its tarball was made, and how often in a row it came to grief.
 * Losing any of it costs work, never an episode; so nothing here is synced, and what cannot be read counts as not there.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { Sha256 } from "../domain/names.ts"
import * as Unsynced from "../unsynced.ts"
import { Layout } from "./layout.ts"
import { readJson } from "./readJson.ts"

/** Belongs to the tarball of the same name and length, or to the conflict that became of it. */
export const PackingNote = Schema.Struct({
  /** Of the tarball. */
  sha256: Sha256,
  /** Of the tarball. */
  bytes: Schema.Int,
  content_sha256: Sha256,
  /** The `Inventory.madeFrom` it was packed from. */
  made_from: Sha256
})
export type PackingNote = typeof PackingNote.Type

/** Reset by the episode's next success; absent counts are 0. */
export const Tally = Schema.Struct({
  /** Digest mismatches in a row. */
  damaged: Schema.Int,
  /** Times in a row that the episode had changed after it was packed, and when last (milliseconds since 1970). */
  changed: Schema.Int,
  changed_at: Schema.Finite,
  /** Times in a row that sending it stopped the pass. */
  stopped: Schema.Int
})
export type Tally = typeof Tally.Type

/** It is tried hourly only. */
export const isRestless = ({ changed }: Tally): boolean => changed >= 3

export const noTally: Tally = { damaged: 0, changed: 0, changed_at: 0, stopped: 0 }

const note = <A, I>(schema: Schema.Codec<A, I>) => ({
  read: (path: string) =>
    readJson(path, schema).pipe(
      Effect.map((reading) => (reading._tag === "Read" ? reading.value : undefined)),
      Effect.orElseSucceed(() => undefined)
    ),
  // No id contains `~`.
  write: (path: string, value: A) => Unsynced.replace(path, JSON.stringify(value), `${path}~`)
})

const packing = note(PackingNote)
const tally = note(Tally)

export const readPackingNote = (id: string) => Effect.flatMap(Layout, (paths) => packing.read(paths.packingNote(id)))
export const writePackingNote = (id: string, value: PackingNote) =>
  Effect.flatMap(Layout, (paths) => packing.write(paths.packingNote(id), value))
export const removePackingNote = Effect.fnUntraced(function* (id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  yield* fs.remove(paths.packingNote(id), { force: true })
})

/** The episode that a name in `state/packed/` belongs to. */
export const packedOwner = (name: string): string => name.replace(/~$/, "")

/** The episode that a name in `state/tally/` belongs to. */
export const tallyOwner = (name: string): string => name.replace(/~$/, "").replace(/\.json$/, "")

export const readTally = (id: string) =>
  Effect.map(
    Effect.flatMap(Layout, (paths) => tally.read(paths.tally(id))),
    (found) => found ?? noTally
  )
export const writeTally = (id: string, value: Tally) =>
  Effect.flatMap(Layout, (paths) => tally.write(paths.tally(id), value))

/** Forgets everything about an episode that is settled. */
export const forget = Effect.fnUntraced(function* (id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  yield* removePackingNote(id)
  yield* fs.remove(paths.tally(id), { force: true })
})

/** The same, but how often it changed: of an episode that is held, and may be sent again. `now` in milliseconds since 1970. */
export const forgetButChanges = Effect.fnUntraced(function* (id: string, now: number) {
  const { changed } = yield* readTally(id)
  yield* forget(id)
  if (changed > 0) yield* writeTally(id, { ...noTally, changed, changed_at: now })
})
