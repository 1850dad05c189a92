/** Compresses what is small in one call: a stream costs more than the compression. */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import { CodecError, type Compressor } from "../../src/services/Codec.ts"

const wrongSize = new CodecError({ message: "the content is not of the size that was pledged" })

const compress = (bytes: Uint8Array, params: zlib.ZstdOptions["params"]) =>
  Effect.callback<ReadonlyArray<Uint8Array>, CodecError>((resume) =>
    zlib.zstdCompress(bytes, { params, pledgedSrcSize: bytes.length }, (error, frame) =>
      resume(error === null ? Effect.succeed([frame]) : Effect.fail(new CodecError({ message: error.message })))
    )
  )

/** Keeps `contentSize` bytes until the end. */
export const make = (contentSize: number, params: zlib.ZstdOptions["params"]): Compressor => {
  const content = new Uint8Array(contentSize)
  let at = 0
  return {
    push: (bytes) =>
      Effect.suspend(() => {
        if (at + bytes.length > contentSize) return Effect.fail(wrongSize)
        content.set(bytes, at)
        at += bytes.length
        return Effect.succeed([])
      }),
    end: Effect.suspend(() => (at === contentSize ? compress(content, params) : Effect.fail(wrongSize)))
  }
}
