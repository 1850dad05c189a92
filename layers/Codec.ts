import { createHash } from "node:crypto"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Sha256 } from "../src/domain/names.ts"
import { Codec, type Compressor, type Decompressor, type Hasher } from "../src/services/Codec.ts"
import * as Feed from "./codec/Feed.ts"

const {
  ZSTD_c_checksumFlag: CHECKSUM,
  ZSTD_c_compressionLevel: LEVEL,
  ZSTD_d_windowLogMax: WINDOW_LOG
} = zlib.constants

/** Bytes of output at once. Large pieces save round trips to the thread pool; what is small does not pay for a large one. */
const COMPRESSED_PIECE = 128 * 1024
/** As much as a sink may see at once. */
const DECOMPRESSED_PIECE = 1024 * 1024
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
      params: { [LEVEL]: options.level, [CHECKSUM]: 1 },
      pledgedSrcSize: options.contentSize
    })
  const feed = yield* Feed.make(open, collect)
  return {
    push: (bytes) => Effect.andThen(feed.push(bytes), take),
    end: Effect.andThen(feed.end, take)
  } satisfies Compressor
})

const decompressor = (sink: (bytes: Uint8Array) => boolean): ReturnType<Codec["Service"]["decompressor"]> =>
  Feed.make(
    () => zlib.createZstdDecompress({ chunkSize: DECOMPRESSED_PIECE, params: { [WINDOW_LOG]: WINDOW_LOG_MAX } }),
    sink
  ) satisfies Effect.Effect<Decompressor, never, unknown>

/** zstd on the thread pool, SHA-256 in place, both Node's own. Bytes after the last frame go unnoticed: see the frame scanner. */
export const layerCodec = Layer.succeed(Codec, { sha256, compressor, decompressor })
