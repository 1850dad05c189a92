import * as zlib from "node:zlib"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeFrameScanner } from "../../src/domain/zstdFrames.ts"
import { inPieces, PIECES } from "../support/tarball.ts"

const { ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag, ZSTD_c_compressionLevel, ZSTD_c_windowLog } = zlib.constants

const scan = (bytes: Uint8Array, size: number) => {
  const ends: Array<number> = []
  const scanner = makeFrameScanner((offset) => void ends.push(offset))
  inPieces(bytes, size, (piece) => scanner.push(piece) === undefined)
  return { words: scanner.end(), ends }
}
const words = (bytes: Uint8Array): string | undefined => {
  const found = new Set(PIECES.map((size) => scan(bytes, size).words))
  expect(found.size).toBe(1)
  return [...found][0]
}

const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let state = 1
  for (let i = 0; i < length; i++) {
    state = (state * 48271) % 2147483647
    bytes[i] = state
  }
  return bytes
}
const magic = [0x28, 0xb5, 0x2f, 0xfd]
const bytes = (...parts: ReadonlyArray<number | ReadonlyArray<number>>): Uint8Array => Uint8Array.from(parts.flat())
const block = (size: number, type: number, last: boolean): ReadonlyArray<number> => {
  const header = (size << 3) | (type << 1) | (last ? 1 : 0)
  return [header & 0xff, (header >> 8) & 0xff, header >> 16]
}
const window = (log: number, mantissa = 0): number => ((log - 10) << 3) | mantissa
const emptyLast = block(0, 0, true)

describe("frames that are accepted", () => {
  const contents = [new Uint8Array(0), noise(1), noise(100_000), new Uint8Array(3_000_000), noise(700_000)]
  const options = [
    {},
    { [ZSTD_c_checksumFlag]: 1 },
    { [ZSTD_c_contentSizeFlag]: 0 },
    { [ZSTD_c_compressionLevel]: 19, [ZSTD_c_checksumFlag]: 1 },
    { [ZSTD_c_windowLog]: 23 },
    { [ZSTD_c_windowLog]: 10 }
  ]
  it.each(options)("whatever the options of the compressor are: %j", (params) => {
    for (const content of contents) {
      const frame = zlib.zstdCompressSync(content, { params })
      expect(words(frame)).toBeUndefined()
      expect(scan(frame, 7).ends).toEqual([frame.length])
    }
  })

  it("several in a row, each end known exactly", () => {
    const frames = contents.map((content) => zlib.zstdCompressSync(content, { params: { [ZSTD_c_checksumFlag]: 1 } }))
    const ends = frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, frame) => sum + frame.length, 0))
    for (const size of PIECES) expect(scan(Buffer.concat(frames), size)).toEqual({ words: undefined, ends })
  })

  it("a window of exactly 8 MiB, a dictionary id of zero, a bit that means nothing", () => {
    expect(words(bytes(magic, 0x00, window(23), emptyLast))).toBeUndefined()
    expect(words(bytes(magic, 0x01, window(20), 0, emptyLast))).toBeUndefined()
    expect(words(bytes(magic, 0x10, window(20), emptyLast))).toBeUndefined()
    expect(words(bytes(magic, 0xa0, [0, 0, 0x80, 0], emptyLast))).toBeUndefined()
  })

  it("a block as large as the frame allows", () => {
    expect(words(bytes(magic, 0x00, window(10), block(1024, 1, true), 7))).toBeUndefined()
    expect(words(bytes(magic, 0x00, window(20), block(131_072, 1, true), 7))).toBeUndefined()
  })
})

describe("what is refused", () => {
  const good = bytes(magic, 0x00, window(20), emptyLast)
  it.each<readonly [string, Uint8Array, string]>([
    ["nothing at all", new Uint8Array(0), "an empty body"],
    ["gzip", bytes(0x1f, 0x8b, 8, 0, 0, 0), "this is not zstd data"],
    ["a skippable frame first", bytes([0x50, 0x2a, 0x4d, 0x18], [0, 0, 0, 0], [...good]), "a skippable zstd frame"],
    ["a skippable frame last", bytes([...good], [0x5f, 0x2a, 0x4d, 0x18], [0, 0, 0, 0]), "a skippable zstd frame"],
    ["an old frame format", bytes(0x27, 0xb5, 0x2f, 0xfd, 0, 0), "this is not zstd data"],
    ["a dictionary id of one byte", bytes(magic, 0x01, window(20), 5, emptyLast), "a zstd frame needs a dictionary"],
    ["of two", bytes(magic, 0x02, window(20), [0, 1], emptyLast), "a zstd frame needs a dictionary"],
    ["of four, in a single segment", bytes(magic, 0x23, [0, 0, 0, 9], 0, emptyLast), "a zstd frame needs a dictionary"],
    ["a reserved bit", bytes(magic, 0x08, window(20), emptyLast), "a zstd frame uses a reserved bit"],
    [
      "a window just over 8 MiB",
      bytes(magic, 0x00, window(23, 1), emptyLast),
      "a zstd frame needs a window of more than 8388608 bytes"
    ],
    [
      "a huge window",
      bytes(magic, 0x00, window(41, 7), emptyLast),
      "a zstd frame needs a window of more than 8388608 bytes"
    ],
    [
      "a single segment just over 8 MiB",
      bytes(magic, 0xa0, [1, 0, 0x80, 0], emptyLast),
      "a zstd frame needs a window of more than 8388608 bytes"
    ],
    [
      "a huge single segment",
      bytes(magic, 0xe0, [0, 0, 0, 0, 0, 0, 0, 0x80], emptyLast),
      "a zstd frame needs a window of more than 8388608 bytes"
    ],
    ["a reserved block", bytes(magic, 0x00, window(20), block(0, 3, true)), "a zstd block is of a reserved type"],
    [
      "a block over 128 KiB",
      bytes(magic, 0x00, window(20), block(131_073, 1, true), 7),
      "a zstd block is larger than its frame allows"
    ],
    [
      "a block over the window",
      bytes(magic, 0x00, window(10), block(1025, 0, true)),
      "a zstd block is larger than its frame allows"
    ],
    [
      "a block over a single segment",
      bytes(magic, 0x20, 4, block(5, 0, true)),
      "a zstd block is larger than its frame allows"
    ],
    ["bytes behind the last frame", bytes([...good], 0, 0, 0, 0), "bytes behind the last zstd frame"],
    ["a single byte behind it", bytes([...good], 0x28), "bytes behind the last zstd frame"]
  ])("%s", (_, frame, expected) => {
    expect(words(frame)).toBe(expected)
  })

  it("a frame cut short anywhere", () => {
    const frame = zlib.zstdCompressSync(noise(300), { params: { [ZSTD_c_checksumFlag]: 1 } })
    for (let cut = 1; cut < frame.length; cut++) expect(words(frame.subarray(0, cut))).toBe("a zstd frame is cut short")
  })

  it("stays refused", () => {
    const scanner = makeFrameScanner()
    expect(scanner.push(bytes(1, 2, 3, 4))).toBe("this is not zstd data")
    expect(scanner.push(good)).toBe("this is not zstd data")
    expect(scanner.end()).toBe("this is not zstd data")
  })
})

it("says the same of any bytes in any pieces, and never throws", () => {
  const frame = zlib.zstdCompressSync(noise(2000))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(frame.length),
      (changes, cut) => {
        const copy = Uint8Array.from(frame)
        for (const [at, byte] of changes) copy[at] = byte
        words(copy.subarray(0, cut))
      }
    )
  )
})
