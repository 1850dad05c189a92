import { createHash } from "node:crypto"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { BLOCK_BYTES } from "../src/block.ts"
import { Sha256 } from "../src/domain/names.ts"
import { Codec, type CodecError, type Compressor, type Decompressor, type Hasher } from "../src/services/Codec.ts"
import * as Feed from "./codec/Feed.ts"
import { isLast, release } from "./codec/release.ts"
import { compressWhole, decompressWhole, isSoonCompressed } from "./codec/Whole.ts"

const {
  ZSTD_c_checksumFlag: CHECKSUM,
  ZSTD_c_compressionLevel: LEVEL,
  ZSTD_d_windowLogMax: WINDOW_LOG,
  ZSTD_e_end: WHOLE_FRAME
} = zlib.constants

/** Bytes of output at once, the room of a whole block: each piece is a turn of the thread pool. */
const compressedPieceBytes = (contentSize: number): number => Math.min(contentSize, BLOCK_BYTES) + 64 * 1024
/** As much as a sink may see at once. Every stream has a buffer of one piece: where little comes in, a smaller one. */
const DECOMPRESSED_PIECE = { large: 1024 * 1024, small: 128 * 1024 }
const LITTLE_BYTES = 64 * 1024
/** 2 ** 23 bytes: the window the archive grammar allows. */
const DECOMPRESSION = { [WINDOW_LOG]: 23 }

const sha256 = (): Hasher => {
  const hash = createHash("sha256")
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => Sha256.make(hash.digest("hex"))
  }
}

// ZSTD_c_nbWorkers stays unset: above 0, Node 26.10 drops output without a word.
const compression = (level: number) => ({ [LEVEL]: level, [CHECKSUM]: 1 })

const openCompress = (contentSize: number, level: number) => () =>
  zlib.createZstdCompress({
    chunkSize: compressedPieceBytes(contentSize),
    params: compression(level),
    flush: WHOLE_FRAME
  })

const inPlaceCompressor = (level: number): Compressor => ({
  push: (bytes) => Effect.sync(() => [compressWhole(bytes, compression(level))])
})

/** The stream is never ended: every frame is whole, and Node would add an empty one. */
const streamCompressor = Effect.fnUntraced(function* (contentSize: number, level: number) {
  let ready: Array<Uint8Array> = []
  let given: ReadonlyArray<Uint8Array> = []
  const feed = yield* Feed.make(openCompress(contentSize, level), (bytes) => ready.push(bytes) > 0)
  const releaseGiven = Effect.sync(() => {
    for (const piece of given) if (isLast(piece)) release(piece)
  })
  const give = Effect.sync(() => {
    given = ready
    ready = []
    return given
  })
  return {
    push: (bytes) => releaseGiven.pipe(Effect.andThen(feed.push(bytes)), Effect.andThen(give))
  } satisfies Compressor
})

const compressor = ({ contentSize, level }: { readonly contentSize: number; readonly level: number }) =>
  isSoonCompressed(contentSize, level) ? Effect.succeed(inPlaceCompressor(level)) : streamCompressor(contentSize, level)

const openDecompress = (firstBytes: number) => () =>
  zlib.createZstdDecompress({
    chunkSize: firstBytes <= LITTLE_BYTES ? DECOMPRESSED_PIECE.small : DECOMPRESSED_PIECE.large,
    params: DECOMPRESSION
  })

const decompressor = Effect.fnUntraced(function* (sink: (bytes: Uint8Array) => boolean) {
  const scope = yield* Effect.scope
  let feed: Feed.Feed | undefined
  /** Of frames that came whole, before there was a stream. */
  let wholeFrames = false
  let stopped = false
  const take = (bytes: Uint8Array): boolean => {
    const goesOn = sink(bytes)
    if (isLast(bytes)) release(bytes)
    return goesOn
  }
  const open = Effect.fnUntraced(function* (firstBytes: number) {
    feed = yield* Feed.make(openDecompress(firstBytes), take)
    return feed
  }, Scope.provide(scope))
  const opened = (bytes: number) => (feed === undefined ? open(bytes) : Effect.succeed(feed))

  const push = (bytes: Uint8Array): Effect.Effect<void, CodecError> => {
    if (stopped) return Effect.void
    const content = feed === undefined ? decompressWhole(bytes, DECOMPRESSION, DECOMPRESSED_PIECE.large) : undefined
    if (content === undefined) return Effect.flatMap(opened(bytes.length), (feed) => feed.push(bytes))
    wholeFrames = true
    stopped = !sink(content)
    release(content)
    return Effect.void
  }
  const end = () => (feed === undefined && wholeFrames ? Effect.void : Effect.flatMap(opened(0), (feed) => feed.end))
  return { push: (bytes) => Effect.suspend(() => push(bytes)), end: Effect.suspend(end) } satisfies Decompressor
})

/**
 * zstd on the thread pool, but in place for what comes whole and small; SHA-256 in place; both Node's own. Bytes after the last frame go
 * unnoticed: see the frame scanner.
 */
export const layerCodec = Layer.succeed(Codec, { sha256, compressor, decompressor })
