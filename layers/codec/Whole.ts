/** What is small is compressed, and what came whole decompressed, in one call: a stream costs more than that. */
import * as zlib from "node:zlib"
import { makeFrameScanner } from "../../src/domain/zstdFrames.ts"

/** More is not decompressed here and now: it would keep everybody waiting. */
const INPUT_BYTES = 64 * 1024

/** Nor is more compressed, or harder: this takes half a millisecond. */
const COMPRESSED_IN_PLACE = { bytes: 128 * 1024, level: 3 }

/** Of output at once. */
const COMPRESSED_PIECE_BYTES = 32 * 1024

export const isSoonCompressed = (bytes: number, level: number): boolean =>
  bytes <= COMPRESSED_IN_PLACE.bytes && level <= COMPRESSED_IN_PLACE.level

/** One frame, which says how much it holds. */
export const compressWhole = (bytes: Uint8Array, params: zlib.ZstdOptions["params"]): Uint8Array =>
  zlib.zstdCompressSync(bytes, { chunkSize: COMPRESSED_PIECE_BYTES, params })

/** At least, and where the frame does not say how much it holds. */
const PIECE_BYTES = 128 * 1024

/** What the first frame says that it holds (RFC 8878, section 3.1.1.1): no more memory is taken than it needs. */
const contentSize = (bytes: Uint8Array): number | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const descriptor = bytes[4] ?? 0
  const at = 5 + ((descriptor & 0x20) === 0 ? 1 : 0) + ([0, 1, 2, 4][descriptor & 3] ?? 0)
  if (bytes.length < at + 8) return undefined
  switch (descriptor >> 6) {
    case 1:
      return view.getUint16(at, true) + 256
    case 2:
      return view.getUint32(at, true)
    default:
      return undefined
  }
}

/** Node 26.10 passes over up to three bytes behind a frame, which may be where the next one begins. */
const endsWithFrame = (bytes: Uint8Array): boolean => {
  const frames = makeFrameScanner()
  return frames.push(bytes) === undefined && frames.end() === undefined
}

/**
 * What the frames in `bytes` hold. `undefined` for what is not a few small frames, every one of them whole and sound: the stream
 * takes that, or says what is wrong with it.
 */
export const decompressWhole = (
  bytes: Uint8Array,
  params: zlib.ZstdOptions["params"],
  maxOutputLength: number
): Uint8Array | undefined => {
  if (bytes.length > INPUT_BYTES || !endsWithFrame(bytes)) return undefined
  // Into a buffer that it fills Node would look for more, with another buffer.
  const chunkSize = Math.max(PIECE_BYTES, Math.min(contentSize(bytes) ?? 0, maxOutputLength) + 1)
  try {
    return zlib.zstdDecompressSync(bytes, { chunkSize, maxOutputLength, params })
  } catch {
    return undefined
  }
}
