import { createHash } from "node:crypto"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Sha256 } from "../src/domain/names.ts"
import { Codec, type Compressor, type Decompressor, type Hasher } from "../src/services/Codec.ts"
import * as AtOnce from "./codec/AtOnce.ts"
import * as Feed from "./codec/Feed.ts"

const {
  ZSTD_c_checksumFlag: CHECKSUM,
  ZSTD_c_compressionLevel: LEVEL,
  ZSTD_d_windowLogMax: WINDOW_LOG
} = zlib.constants

/** Bytes of output at once. Large pieces save round trips to the thread pool; what is small does not pay for a large one. */
const COMPRESSED_PIECE = 128 * 1024
/** Up to this size content is compressed in one call. */
const AT_ONCE_BYTES = 1024 * 1024
/** As much as a sink may see at once. Every stream has a buffer of one piece: where little comes in, a smaller one. */
const DECOMPRESSED_PIECE = { large: 1024 * 1024, small: 128 * 1024 }
const LITTLE_BYTES = 64 * 1024
/** 2 ** 23 bytes: the window the archive grammar allows. */
const WINDOW_LOG_MAX = 23

const sha256 = (): Hasher => {
  const hash = createHash("sha256")
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => Sha256.make(hash.digest("hex"))
  }
}

// ZSTD_c_nbWorkers stays unset: above 0, Node 26.10 drops output without a word.
const compressor = Effect.fnUntraced(function* (options: { readonly level: number; readonly contentSize: number }) {
  const params = { [LEVEL]: options.level, [CHECKSUM]: 1 }
  if (options.contentSize <= AT_ONCE_BYTES) return AtOnce.make(options.contentSize, params)
  let ready: Array<Uint8Array> = []
  const collect = (bytes: Uint8Array): boolean => {
    ready.push(bytes)
    return true
  }
  const take = Effect.sync((): ReadonlyArray<Uint8Array> => {
    const taken = ready
    ready = []
    return taken
  })
  const open = () =>
    zlib.createZstdCompress({
      chunkSize: COMPRESSED_PIECE,
      params,
      pledgedSrcSize: options.contentSize
    })
  const feed = yield* Feed.make(open, collect)
  return {
    push: (bytes) => Effect.andThen(feed.push(bytes), take),
    end: Effect.andThen(feed.end, take)
  } satisfies Compressor
})

const openDecompress = (firstBytes: number) => () =>
  zlib.createZstdDecompress({
    chunkSize: firstBytes <= LITTLE_BYTES ? DECOMPRESSED_PIECE.small : DECOMPRESSED_PIECE.large,
    params: { [WINDOW_LOG]: WINDOW_LOG_MAX }
  })

const decompressor = Effect.fnUntraced(function* (sink: (bytes: Uint8Array) => boolean) {
  const scope = yield* Effect.scope
  let feed: Feed.Feed | undefined
  const open = Effect.fnUntraced(function* (firstBytes: number) {
    feed = yield* Feed.make(openDecompress(firstBytes), sink)
    return feed
  }, Scope.provide(scope))
  const opened = (bytes: number) => Effect.suspend(() => (feed === undefined ? open(bytes) : Effect.succeed(feed)))
  return {
    push: (bytes) => Effect.flatMap(opened(bytes.length), (feed) => feed.push(bytes)),
    end: Effect.flatMap(opened(0), (feed) => feed.end)
  } satisfies Decompressor
})

/** zstd on the thread pool, SHA-256 in place, both Node's own. Bytes after the last frame go unnoticed: see the frame scanner. */
export const layerCodec = Layer.succeed(Codec, { sha256, compressor, decompressor })
