import { createHash } from "node:crypto"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Sha256 } from "../../src/domain/names.ts"
import { makeFrameScanner } from "../../src/domain/zstdFrames.ts"
import { Codec, CodecError, type Hasher } from "../../src/services/Codec.ts"

const MAX_FRAME_BYTES = 512 * 1024 * 1024
const SINK_BYTES = 1024 * 1024

export const sha256 = (): Hasher => {
  const hash = createHash("sha256")
  return { update: (bytes) => void hash.update(bytes), digest: () => Sha256.make(hash.digest("hex")) }
}

const attempt = <A>(work: () => A): Effect.Effect<A, CodecError> =>
  Effect.try({
    try: work,
    catch: (cause) => new CodecError({ message: cause instanceof Error ? cause.message : String(cause) })
  })

const compressor = ({ level }: { readonly level: number }) => {
  const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel } = zlib.constants
  const params = { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 }
  return Effect.succeed({
    push: (bytes: Uint8Array) =>
      attempt((): ReadonlyArray<Uint8Array> => [zlib.zstdCompressSync(bytes, { params, pledgedSrcSize: bytes.length })])
  })
}

const decompressor = (sink: (bytes: Uint8Array) => boolean) =>
  Effect.sync(() => {
    let held: Array<Uint8Array> = []
    /** Where in the input what is held begins. */
    let start = 0
    let frameEnds: Array<number> = []
    let stopped = false
    const scanner = makeFrameScanner((offset) => void frameEnds.push(offset))

    const emit = (frame: Uint8Array): void => {
      const whole = zlib.zstdDecompressSync(frame, { maxOutputLength: MAX_FRAME_BYTES })
      for (let at = 0; at < whole.length && !stopped; at += SINK_BYTES) {
        stopped = !sink(whole.subarray(at, at + SINK_BYTES))
      }
    }
    const emitAll = (): void => {
      const all = Buffer.concat(held)
      let at = 0
      for (const end of frameEnds) {
        if (!stopped) emit(all.subarray(at, end - start))
        at = end - start
      }
      held = [all.subarray(at)]
      start += at
    }
    const feed = (bytes: Uint8Array): void => {
      if (stopped) return
      const fault = scanner.push(bytes)
      held.push(bytes.slice())
      if (frameEnds.length > 0) emitAll()
      frameEnds = []
      if (fault !== undefined && !stopped) throw new Error(fault)
    }
    const end = (): void => {
      const fault = stopped ? undefined : scanner.end()
      if (fault !== undefined) throw new Error(fault)
    }
    return { push: (bytes: Uint8Array) => attempt(() => feed(bytes)), end: attempt(end) }
  })

/** The same service without threads: everything happens within the call. It holds a frame whole. */
export const layerSync: Layer.Layer<Codec> = Layer.succeed(Codec, Codec.of({ sha256, compressor, decompressor }))
