import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { Commit, EpisodeId, Sha256 } from "../domain/names.ts"
import { Codec } from "../services/Codec.ts"
import { Volume } from "../services/Volume.ts"
import { type ArchiveReport, openArchive } from "./archive.ts"
import type { StoreOptions } from "./storePaths.ts"

const CHUNK_BYTES = 1024 * 1024

export type ArchiveBounds = Pick<StoreOptions, "maxMembers" | "maxUnpackedBytes">

/** What a file turned out to be. */
export type Examined =
  | {
      readonly _tag: "Sound"
      readonly sha256: Sha256
      readonly bytes: number
      readonly contentSha256: Sha256
      /** From the `meta.json` inside. */
      readonly commit: Commit | undefined
    }
  /** No sound tarball of this episode. */
  | { readonly _tag: "Unsound"; readonly sha256: Sha256; readonly bytes: number; readonly error: string }

/** Reads a file once, in pieces of 1 MiB that must not be kept. */
export const readPieces = Effect.fnUntraced(function* <E, R>(
  path: string,
  take: (bytes: Uint8Array) => Effect.Effect<void, E, R>
) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "r", noFollow: true })
  const buffer = new Uint8Array(CHUNK_BYTES)
  for (;;) {
    const read = yield* file.read(buffer)
    if (read === 0) return
    yield* take(buffer.subarray(0, read))
  }
}, Effect.scoped)

/** The SHA-256 and the size of what lies there. Anything but a regular file is as good as empty. */
export const hashFile = Effect.fnUntraced(function* (
  path: string,
  alsoTake: (bytes: Uint8Array) => Effect.Effect<void> = () => Effect.void
) {
  const codec = yield* Codec
  const volume = yield* Volume
  const hasher = codec.sha256()
  let bytes = 0
  const take = (piece: Uint8Array) => {
    hasher.update(piece)
    bytes += piece.length
    return alsoTake(piece)
  }
  // Opening a pipe would wait for a writer.
  if ((yield* volume.inspect(path)).type === "File") yield* readPieces(path, take)
  return { sha256: hasher.digest(), bytes }
})

/** Reads a file once: hashes it and checks the archive that it should be. */
export const examine = Effect.fnUntraced(function* (path: string, episodeId: EpisodeId, bounds: ArchiveBounds) {
  const archive = yield* openArchive({
    episodeId,
    maxMembers: bounds.maxMembers,
    maxUnpackedBytes: bounds.maxUnpackedBytes
  })
  let error: string | undefined
  const check = (bytes: Uint8Array) =>
    archive.push(bytes).pipe(Effect.catch((fault) => Effect.sync(() => void (error ??= fault.error))))
  const { sha256, bytes } = yield* hashFile(path, (piece) => (error === undefined ? check(piece) : Effect.void))
  if (error !== undefined) return { _tag: "Unsound", sha256, bytes, error } satisfies Examined as Examined
  return yield* archive.end.pipe(
    Effect.match({
      onFailure: (fault): Examined => ({ _tag: "Unsound", sha256, bytes, error: fault.error }),
      onSuccess: ({ contentSha256, metaCommit }: ArchiveReport): Examined => ({
        _tag: "Sound",
        sha256,
        bytes,
        contentSha256,
        commit: metaCommit
      })
    })
  )
}, Effect.scoped)
