/** From a directory to a reproducible tarball in `outbox/`: ends on disk, where `ship` begins. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { concat } from "../domain/concat.ts"
import { size } from "../domain/humanize.ts"
import { checkMarker, formatManifest } from "../domain/manifest.ts"
import type { Sha256 } from "../domain/names.ts"
import { BLOCK, END_OF_ARCHIVE, encodeHeader, MAX_MARKER_BYTES, padding, type TarEntry } from "../domain/tar.ts"
import { decodeUtf8 } from "../domain/tarReader.ts"
import * as Durable from "../durable.ts"
import { anew, orMissing } from "../presence.ts"
import { Codec, type CodecError } from "../services/Codec.ts"
import { type Space, Volume } from "../services/Volume.ts"
import { type Blocks, makeBlocks } from "./blocks.ts"
import { type Inventory, type InventoryEntry, sizeOf, Unpackable } from "./inventory.ts"
import { DONE_MARKER, Layout } from "./layout.ts"
import { type PackingNote, removePackingNote, writePackingNote } from "./notes.ts"
import { Progress } from "./Progress.ts"

/** The episode is being changed while it is read; the next pass packs it anew. */
export class ChangedWhilePacking extends Schema.TaggedError<ChangedWhilePacking>()("ChangedWhilePacking", {
  path: Schema.String
}) {}

/** The tarball would take what is left of the disk, and not fit. */
export class DiskNearlyFull extends Schema.TaggedError<DiskNearlyFull>()("DiskNearlyFull", {
  message: Schema.String
}) {}

type PackFailure = PlatformError | CodecError | DiskNearlyFull

const ZEROS = new Uint8Array(BLOCK)

/** Modes normalised, mtimes in whole seconds rounded down: the same content and times give the same bytes anywhere. */
const tarEntry = (id: string, entry: InventoryEntry): TarEntry => {
  const seconds = entry.mtimeNs / 1_000_000_000n
  const file = entry.type === "File"
  return {
    path: entry.path === "" ? id : `${id}/${entry.path}`,
    type: file ? "file" : "directory",
    size: file ? entry.size : 0,
    mode: !file || (entry.mode & 0o111) !== 0 ? 0o755 : 0o644,
    mtime: Number(entry.mtimeNs % 1_000_000_000n < 0n ? seconds - 1n : seconds)
  }
}

const tarBytes = (members: ReadonlyArray<{ readonly entry: InventoryEntry; readonly header: Uint8Array }>): number =>
  members.reduce(
    (sum, { entry, header }) => sum + header.length + (entry.type === "File" ? entry.size + padding(entry.size) : 0),
    END_OF_ARCHIVE.length
  )

interface PackedFile {
  readonly path: string
  readonly sha256: Sha256
  /** What is in it, of the marker. */
  readonly kept: ReadonlyArray<Uint8Array>
}

/** Reads exactly `entry.size` bytes of a file into the tarball, not one more, through no link. */
const packFile = Effect.fnUntraced(function* (full: string, entry: InventoryEntry, tar: Blocks<PackFailure>) {
  const fs = yield* FileSystem.FileSystem
  const codec = yield* Codec
  const progress = yield* Progress
  const hasher = codec.sha256()
  const kept: Array<Uint8Array> = []
  const file = yield* orMissing(fs.open(full, { flag: "r", noFollow: true }))
  if (file === undefined) return yield* new ChangedWhilePacking({ path: entry.path })
  for (let left = entry.size; left > 0; ) {
    const room = tar.room(left)
    const read = yield* file.read(room)
    if (read === 0) return yield* new ChangedWhilePacking({ path: entry.path })
    const bytes = room.subarray(0, read)
    hasher.update(bytes)
    if (entry.path === DONE_MARKER) kept.push(bytes.slice())
    left -= read
    progress.steps++
    progress.packedBytes += read
    yield* tar.taken(read)
  }
  yield* tar.put(ZEROS.subarray(0, padding(entry.size)))
  return { path: entry.path, sha256: hasher.digest(), kept } satisfies PackedFile
}, Effect.scoped)

const hasMarker = ({ entries }: Inventory): boolean =>
  entries.some(({ path, type }) => path === DONE_MARKER && type === "File")

const markerFault = (files: ReadonlyArray<PackedFile>) => {
  const pieces = files.find((file) => file.path === DONE_MARKER)?.kept ?? []
  const marker = decodeUtf8(concat(pieces))
  return marker === undefined
    ? "done.marker is not UTF-8"
    : checkMarker(marker, new Map(files.map((file) => [file.path, file.sha256])))
}

const LOOK_BYTES = 32 * 1024 * 1024

/** Writes block after block; every so many bytes it is looked whether to go on. */
const lookingUp = (
  write: (block: Uint8Array) => Effect.Effect<void, PackFailure>,
  look: Effect.Effect<void, PackFailure>
) => {
  let unlooked = 0
  return (block: Uint8Array) => {
    unlooked += block.length
    if (unlooked < LOOK_BYTES) return write(block)
    unlooked = 0
    return Effect.andThen(write(block), look)
  }
}

const NEARLY_FULL_BYTES = 256 * 1024 * 1024

/** Recordings live on what is left: a tarball that will not fit in there is not to take it. `rest` is a guess. */
const mustHaveRoom = Effect.fnUntraced(function* (
  space: Effect.Effect<Space, PlatformError>,
  root: string,
  rest: number
) {
  const { freeBytes } = yield* space
  if (freeBytes >= NEARLY_FULL_BYTES || freeBytes >= rest) return
  return yield* new DiskNearlyFull({
    message: `disk nearly full: ${size(freeBytes)} are free below ${root}, and about ${size(rest)} of the tarball are still to be written; to mend: free that much there; it is tried hourly, and when the shipper starts`
  })
})

/** Writes the tarball to `.partial`; gives its digests. Whatever fails, the partial is worth nothing and is written anew. */
const writePartial = Effect.fnUntraced(function* (id: string, inventory: Inventory, level: number) {
  const fs = yield* FileSystem.FileSystem
  const codec = yield* Codec
  const volume = yield* Volume
  const paths = yield* Layout
  const members = inventory.entries.map((entry) => ({ entry, header: encodeHeader(tarEntry(id, entry)) }))
  const path = paths.partial(id)
  const partial = yield* anew(path, fs.open(path, { flag: "wx", mode: 0o600 }), true)
  const contentSize = tarBytes(members)
  const compressor = yield* codec.compressor({ level, contentSize })
  const digest = codec.sha256()
  let taken = 0
  let bytes = 0
  const look = Effect.suspend(() =>
    mustHaveRoom(volume.space(paths.root), paths.root, (bytes / taken) * (contentSize - taken))
  )
  const write = lookingUp((block) => partial.writeAll(block), look)
  const tarball = yield* makeBlocks(contentSize, write)
  const compress = Effect.fnUntraced(function* (block: Uint8Array) {
    taken += block.length
    for (const piece of yield* compressor.push(block)) {
      digest.update(piece)
      bytes += piece.length
      yield* tarball.put(piece)
    }
  })
  // A frame a block: telemetry gets about as small as in one piece, for a third less work, as zstd need not look into a window that has come round.
  const tar = yield* makeBlocks(contentSize, compress)

  const files: Array<PackedFile> = []
  for (const { entry, header } of members) {
    if (entry.path === DONE_MARKER && entry.size > MAX_MARKER_BYTES) {
      return yield* new Unpackable({ why: `incomplete: done.marker is larger than any manifest (${entry.size} bytes)` })
    }
    yield* tar.put(header)
    if (entry.type === "File") files.push(yield* packFile(`${paths.episode(id)}/${entry.path}`, entry, tar))
  }
  const fault = markerFault(files)
  if (fault !== undefined) return yield* new Unpackable({ why: `incomplete: ${fault}` })

  yield* tar.put(END_OF_ARCHIVE)
  yield* tar.end
  yield* tarball.end
  yield* partial.sync
  const content = codec.sha256()
  content.update(formatManifest(files))
  return { sha256: digest.digest(), bytes, content_sha256: content.digest(), made_from: inventory.madeFrom }
}, Effect.scoped)

/** Bytes in an episode that is packed in no time: a crash may cost its tarball. */
const SOON_PACKED_BYTES = 1024 * 1024
export const isSoonPacked = (bytes: number): boolean => bytes <= SOON_PACKED_BYTES

/**
 * Packs a finished episode; what came of a small one is not noted yet. Fails with `Unpackable` when it can never be packed; with a
 * `PlatformError`, a `ChangedWhilePacking`, a `CodecError` or a `DiskNearlyFull` when not now. At most one pack per episode at a time.
 */
export const pack = Effect.fnUntraced(
  function* (id: string, inventory: Inventory, level: number) {
    const paths = yield* Layout
    if (!hasMarker(inventory)) return yield* new ChangedWhilePacking({ path: DONE_MARKER })
    const started = yield* Clock.monotonicTimeNanos
    const note: PackingNote = yield* writePartial(id, inventory, level)
    // What is still noted speaks of another tarball.
    yield* isSoonPacked(sizeOf(inventory)) ? removePackingNote(id) : writePackingNote(id, note)
    // A crash before the rename leaves a partial, which the next pack overwrites; the note alone means nothing.
    yield* Durable.move(paths.partial(id), paths.tarball(id))
    const millis = Number((yield* Clock.monotonicTimeNanos) - started) / 1e6
    yield* Effect.logDebug("packed").pipe(
      Effect.annotateLogs({ episode: id, bytes: note.bytes, ms: Math.round(millis) })
    )
    return note
  },
  (packed, id) => Effect.onError(packed, () => Effect.ignore(removePartial(id)))
)

const removePartial = Effect.fnUntraced(function* (id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  yield* fs.remove(paths.partial(id), { force: true })
})
