import { createHash, randomBytes } from "node:crypto"
import * as zstdWasm from "@bokuweb/zstd-wasm"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { layerCodec } from "../../layers/Codec.ts"
import { Codec } from "../../src/services/Codec.ts"

const KiB = 1024
const MiB = 1024 * KiB

/** Each piece becomes a frame. */
const frames = Effect.fnUntraced(function* (pieces: ReadonlyArray<Uint8Array>, level = 3) {
  const codec = yield* Codec
  const contentSize = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const compressor = yield* codec.compressor({ level, contentSize })
  return yield* Effect.forEach(pieces, (piece) => Effect.map(compressor.push(piece), (given) => Buffer.concat(given)))
}, Effect.scoped)

const compress = (pieces: ReadonlyArray<Uint8Array>, level?: number) => Effect.map(frames(pieces, level), Buffer.concat)

const decompress = Effect.fnUntraced(function* (pieces: ReadonlyArray<Uint8Array>) {
  const codec = yield* Codec
  const output: Array<Uint8Array> = []
  const decompressor = yield* codec.decompressor((bytes) => output.push(Buffer.from(bytes)) > 0)
  for (const piece of pieces) yield* decompressor.push(piece)
  yield* decompressor.end
  return Buffer.concat(output)
}, Effect.scoped)

const piecesOf = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))

/** Half of it random, half of it repeated. */
const sample = (size: number): Buffer =>
  Buffer.concat([randomBytes(Math.ceil(size / 2)), Buffer.alloc(size, "tick ")]).subarray(0, size)

/** RFC 8878, section 3.1.1.1: what a frame says of itself. */
const frameHeader = (frame: Buffer) => {
  const descriptor = frame.readUInt8(4)
  const single = (descriptor & 0x20) !== 0
  const at = single ? 5 : 6
  const sizes = [
    () => (single ? frame.readUInt8(at) : undefined),
    () => frame.readUInt16LE(at) + 256,
    () => frame.readUInt32LE(at),
    () => Number(frame.readBigUInt64LE(at))
  ]
  return { contentSize: sizes[descriptor >> 6]?.(), checksum: (descriptor & 4) !== 0 }
}

const provided = <A, E>(effect: Effect.Effect<A, E, Codec | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(layerCodec))

describe("Codec, layerCodec", () => {
  beforeAll(() => zstdWasm.init())

  for (const size of [1, 255, 256, 65_535, 65_536, 131_072, MiB - 1, MiB, MiB + 1, 5 * MiB + 17]) {
    it.live(`writes ${size} bytes as one frame that says its size, and reads them back`, () =>
      Effect.gen(function* () {
        const content = sample(size)
        const frame = yield* compress([content])
        expect(frameHeader(frame)).toEqual({ contentSize: size, checksum: true })
        expect(content.equals(zstdWasm.decompress(frame))).toBe(true)
        expect(content.equals(yield* decompress(piecesOf(frame, 70_000)))).toBe(true)
      }).pipe(provided)
    )
  }

  it.live("writes a whole frame for every piece, each one by itself", () =>
    Effect.gen(function* () {
      const pieces = [MiB, 1, 300_000, MiB, 17].map(sample)
      const written = yield* frames(pieces)
      for (const [at, piece] of pieces.entries()) {
        const frame = written[at] ?? Buffer.alloc(0)
        expect(frameHeader(frame)).toEqual({ contentSize: piece.length, checksum: true })
        expect(piece.equals(yield* decompress([frame]))).toBe(true)
      }
      expect(Buffer.concat(pieces).equals(yield* decompress(written))).toBe(true)
    }).pipe(provided)
  )

  it.live("reads byte by byte, and frame after frame", () =>
    Effect.gen(function* () {
      const content = sample(3000)
      const frame = yield* compress([content])
      expect(content.equals(yield* decompress(piecesOf(frame, 1)))).toBe(true)
      expect(yield* decompress([Buffer.concat([frame, frame]), frame])).toHaveLength(9000)
    }).pipe(provided)
  )

  it.live("reads two frames wherever they are cut, in the first bytes of the second one too", () =>
    Effect.gen(function* () {
      const content = sample(600)
      const both = yield* compress([content.subarray(0, 300), content.subarray(300)])
      for (let cut = 1; cut < both.length; cut++) {
        const read = yield* decompress([both.subarray(0, cut), both.subarray(cut)])
        expect(content.equals(read), `cut at ${cut} of ${both.length}`).toBe(true)
      }
    }).pipe(provided)
  )

  it.live("gives the same bytes for the same content, whatever came before it, and fewer at a higher level", () =>
    Effect.gen(function* () {
      const word = (n: number): string => `${createHash("sha256").update(String(n)).digest().readUInt8()} `
      const content = Buffer.from(Array.from({ length: 200_000 }, (_, n) => word(n)).join(""))
      const whole = yield* compress([content], 1)
      const [, after] = yield* frames([sample(MiB), content], 1)
      expect(after?.equals(whole)).toBe(true)
      expect((yield* compress([content], 19)).length).toBeLessThan(whole.length)
    }).pipe(provided)
  )

  it.live("has everything through the sink when a push is done, at most 1 MiB at a time, in flat memory", () =>
    Effect.gen(function* () {
      const size = 512 * MiB
      const zeros = Buffer.alloc(MiB)
      const bomb = yield* compress(Array.from({ length: size / MiB }, () => zeros))
      const before = process.memoryUsage().arrayBuffers
      let total = 0
      let largest = 0
      let held = 0
      const codec = yield* Codec
      const decompressor = yield* codec.decompressor((bytes) => {
        total += bytes.length
        largest = Math.max(largest, bytes.length)
        held = Math.max(held, process.memoryUsage().arrayBuffers - before)
        return true
      })
      yield* decompressor.push(bomb)
      expect(total).toBe(size)
      expect(largest).toBeLessThanOrEqual(MiB)
      expect(held).toBeLessThan(128 * MiB)
      yield* decompressor.end
    }).pipe(provided)
  )

  it.live("stops for good when the sink says so", () =>
    Effect.gen(function* () {
      const bomb = yield* compress(Array.from({ length: 64 }, () => Buffer.alloc(MiB)))
      let seen = 0
      const codec = yield* Codec
      const decompressor = yield* codec.decompressor(() => ++seen < 3)
      yield* decompressor.push(bomb)
      yield* decompressor.push(Buffer.from("whatever follows"))
      yield* decompressor.end
      expect(seen).toBe(3)
    }).pipe(provided)
  )

  it.live("dies of a sink that throws", () =>
    Effect.gen(function* () {
      const frame = yield* compress([sample(1000)])
      const codec = yield* Codec
      const decompressor = yield* codec.decompressor(() => {
        throw new RangeError("sink")
      })
      const exit = yield* Effect.exit(decompressor.push(frame))
      expect(exit).toEqual(Exit.die(new RangeError("sink")))
    }).pipe(provided)
  )

  const broken: Readonly<Record<string, { readonly change: (frame: Buffer) => Uint8Array; readonly says: string }>> = {
    "cut short": { change: (frame) => frame.subarray(0, -1), says: "ends in the middle of a frame" },
    "cut in the header": { change: (frame) => frame.subarray(0, 3), says: "ends in the middle of a frame" },
    "cut in a second frame": {
      change: (frame) => Buffer.concat([frame, frame.subarray(0, 20)]),
      says: "ends in the middle of a frame"
    },
    empty: { change: () => new Uint8Array(), says: "ends in the middle of a frame" },
    "not zstd": { change: () => Buffer.from("a tarball, honestly"), says: "not zstd" },
    "bent in the checksum": {
      change: (frame) => {
        frame.writeUInt8(frame.readUInt8(frame.length - 1) ^ 1, frame.length - 1)
        return frame
      },
      says: "does not match its checksum"
    }
  }
  for (const [what, { change, says }] of Object.entries(broken)) {
    it.live(`fails for input that is ${what}`, () =>
      Effect.gen(function* () {
        const frame = yield* compress([sample(100_000)])
        const error = yield* Effect.flip(decompress([change(frame)]))
        expect(error).toMatchObject({ _tag: "CodecError", message: expect.stringContaining(says) })
      }).pipe(provided)
    )
  }

  it.live("refuses a window of more than 8 MiB", () =>
    Effect.gen(function* () {
      // Magic number, no content size, a window of 16 MiB (RFC 8878, section 3.1.1.1.2), one empty last block.
      const wide = Buffer.from("28b52ffd0070010000", "hex")
      const allowed = Buffer.from("28b52ffd0068010000", "hex")
      expect(yield* Effect.flip(decompress([wide]))).toMatchObject({ message: expect.stringContaining("8 MiB") })
      expect(yield* decompress([allowed])).toHaveLength(0)
    }).pipe(provided)
  )

  it.live("ends at once when interrupted in a push, and takes nothing more", () =>
    Effect.gen(function* () {
      const bomb = yield* compress(Array.from({ length: 256 }, () => Buffer.alloc(MiB)))
      const begun = yield* Deferred.make<void>()
      let seen = 0
      const codec = yield* Codec
      const decompressor = yield* codec.decompressor(() => {
        seen++
        return Deferred.doneUnsafe(begun, Exit.void) || true
      })
      const fiber = yield* Effect.forkChild(decompressor.push(bomb))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      const then = seen
      expect(then).toBeLessThan(256)
      expect(yield* Effect.flip(decompressor.push(bomb))).toMatchObject({ _tag: "CodecError" })
      expect(seen).toBe(then)
    }).pipe(provided)
  )

  it.live("leaves no push hanging when its scope closes", () =>
    Effect.gen(function* () {
      const codec = yield* Codec
      const scope = yield* Scope.make()
      const compressor = yield* Scope.provide(codec.compressor({ level: 19, contentSize: 64 * MiB }), scope)
      const fiber = yield* Effect.forkChild(compressor.push(sample(64 * MiB)), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "CodecError" })
      expect(yield* Effect.flip(compressor.push(sample(1)))).toMatchObject({ _tag: "CodecError" })
    }).pipe(provided)
  )

  it.effect("hashes text and bytes", () =>
    Effect.gen(function* () {
      const hasher = (yield* Codec).sha256()
      hasher.update("größe ")
      hasher.update(Buffer.from([0, 255]))
      const expected = createHash("sha256").update(Buffer.concat([Buffer.from("größe "), Buffer.from([0, 255])]))
      expect(hasher.digest()).toBe(expected.digest("hex"))
    }).pipe(Effect.provide(layerCodec))
  )
})
