/** From a directory to a reproducible tarball in `outbox/`: ends on disk, where `ship` begins. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { checkMarker, formatManifest } from "../domain/manifest.ts"
import {
  archiveBytes,
  concat,
  END_OF_ARCHIVE,
  encodeHeader,
  MAX_MARKER_BYTES,
  padding,
  type TarEntry
} from "../domain/tar.ts"
import { decodeUtf8 } from "../domain/tarReader.ts"
import * as Durable from "../durable.ts"
import { Codec } from "../services/Codec.ts"
import { type Inventory, type InventoryEntry, Unpackable } from "./inventory.ts"
import { DONE_MARKER, Layout } from "./layout.ts"
import { type PackingNote, writePackingNote } from "./notes.ts"
import { Progress } from "./Progress.ts"

/** The episode is being changed while it is read; the next pass packs it anew. */
export class ChangedWhilePacking extends Schema.TaggedError<ChangedWhilePacking>()("ChangedWhilePacking", {
  path: Schema.String
}) {}

const BLOCK_BYTES = 1024 * 1024

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

/** Gathers small pieces into blocks, so that the compressor and the disk are called seldom. */
const makeBlocks = (size: number, flush: (block: Uint8Array) => Effect.Effect<void, PackFailure>) => {
  const block = new Uint8Array(size)
  let used = 0
  const give = Effect.suspend(() => {
    if (used === 0) return Effect.void
    const full = block.subarray(0, used)
    used = 0
    return flush(full)
  })
  return {
    /** The free rest of the block, at least one byte. */
    room: () => block.subarray(used),
    taken: (bytes: number) => {
      used += bytes
      return used === block.length ? give : Effect.void
    },
    put: Effect.fnUntraced(function* (bytes: Uint8Array) {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + block.length - used)
        block.set(piece, used)
        used += piece.length
        at += piece.length
        if (used === block.length) yield* give
      }
    }),
    end: give
  }
}
type Blocks = ReturnType<typeof makeBlocks>
type PackFailure = import("effect/PlatformError").PlatformError | import("../services/Codec.ts").CodecError

/** Reads exactly `entry.size` bytes of a file into the tarball, not one more, through no link. */
const packFile = Effect.fnUntraced(function* (full: string, entry: InventoryEntry, blocks: Blocks) {
  const fs = yield* FileSystem.FileSystem
  const codec = yield* Codec
  const progress = yield* Progress
  const hasher = codec.sha256()
  const changed = new ChangedWhilePacking({ path: entry.path })
  const kept: Array<Uint8Array> = []
  const file = yield* fs.open(full, { flag: "r", noFollow: true }).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Effect.fail(changed)
    )
  )
  let left = entry.size
  while (left > 0) {
    const room = blocks.room()
    const target = room.length > left ? room.subarray(0, left) : room
    const read = yield* file.read(target)
    if (read === 0) return yield* changed
    const bytes = target.subarray(0, read)
    hasher.update(bytes)
    if (entry.path === DONE_MARKER) kept.push(bytes.slice())
    left -= read
    progress.steps++
    progress.packedBytes += read
    yield* blocks.taken(read)
  }
  yield* blocks.put(new Uint8Array(padding(entry.size)))
  return { path: entry.path, sha256: hasher.digest(), kept }
}, Effect.scoped)

const markerFault = (
  files: ReadonlyArray<{ readonly path: string; readonly sha256: string; readonly kept: ReadonlyArray<Uint8Array> }>
) => {
  const pieces = files.find((file) => file.path === DONE_MARKER)?.kept ?? []
  const marker = decodeUtf8(concat(pieces))
  return marker === undefined
    ? "done.marker is not UTF-8"
    : checkMarker(marker, new Map(files.map((file) => [file.path, file.sha256])))
}

/** Writes the tarball to `.partial`; gives its digests. Whatever fails, the partial is worth nothing and is written anew. */
const writePartial = Effect.fnUntraced(function* (id: string, inventory: Inventory, level: number) {
  const fs = yield* FileSystem.FileSystem
  const codec = yield* Codec
  const paths = yield* Layout
  const members = inventory.entries.map((entry) => ({ entry, header: tarEntry(id, entry) }))
  const tarball = codec.sha256()
  let bytes = 0

  // Never through a link, nor into what a crash left.
  yield* fs.remove(paths.partial(id), { recursive: true, force: true })
  const partial = yield* fs.open(paths.partial(id), { flag: "wx", mode: 0o600 })
  const write = Effect.fnUntraced(function* (pieces: ReadonlyArray<Uint8Array>) {
    for (const piece of pieces) {
      tarball.update(piece)
      bytes += piece.length
      yield* partial.writeAll(piece)
    }
  })
  const contentSize = archiveBytes(members.map(({ header }) => header))
  const compressor = yield* codec.compressor({ level, contentSize })
  const blocks = makeBlocks(Math.min(BLOCK_BYTES, contentSize), (block) =>
    Effect.flatMap(compressor.push(block), write)
  )

  const files: Array<{ path: string; sha256: string; kept: ReadonlyArray<Uint8Array> }> = []
  for (const { entry, header } of members) {
    if (entry.path === DONE_MARKER && entry.size > MAX_MARKER_BYTES) {
      return yield* new Unpackable({ why: `incomplete: done.marker is larger than any manifest (${entry.size} bytes)` })
    }
    yield* blocks.put(encodeHeader(header))
    if (entry.type === "File") files.push(yield* packFile(`${paths.episode(id)}/${entry.path}`, entry, blocks))
  }
  const fault = markerFault(files)
  if (fault !== undefined) return yield* new Unpackable({ why: `incomplete: ${fault}` })

  yield* blocks.put(END_OF_ARCHIVE)
  yield* blocks.end
  yield* write(yield* compressor.end)
  yield* partial.sync
  const content = codec.sha256()
  content.update(formatManifest(files))
  return { sha256: tarball.digest(), bytes, content_sha256: content.digest(), made_from: inventory.madeFrom }
}, Effect.scoped)

/**
 * Packs a finished episode. Fails with `Unpackable` when it can never be packed; with a `PlatformError`, a `ChangedWhilePacking` or a
 * `CodecError` when not now. At most one pack per episode at a time.
 */
export const pack = Effect.fnUntraced(
  function* (id: string, inventory: Inventory, level: number) {
    const paths = yield* Layout
    const started = yield* Clock.monotonicTimeNanos
    const note: PackingNote = yield* writePartial(id, inventory, level)
    // A crash before the rename leaves a partial, which the next pack overwrites; the note alone means nothing.
    yield* writePackingNote(id, note)
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
