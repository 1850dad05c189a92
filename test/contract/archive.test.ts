import * as zlib from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { layerCodec } from "../../layers/Codec.ts"
import { EpisodeId } from "../../src/domain/names.ts"
import { encodeHeader } from "../../src/domain/tar.ts"
import { type ArchiveFault, type ArchiveReport, openArchive } from "../../src/receiver/archive.ts"
import { Codec } from "../../src/services/Codec.ts"
import { layerSync, sha256 } from "../support/codecSync.ts"
import { COMMIT, EPISODE, episode, file, META, marker, meta, PIECES, tarOf, zstd } from "../support/tarball.ts"

const limits = { episodeId: EpisodeId.make(EPISODE), maxMembers: 100, maxUnpackedBytes: 2 ** 24 }

const checkIn = (size: number, tarball: Uint8Array) =>
  Effect.scoped(
    Effect.gen(function* () {
      const archive = yield* openArchive(limits)
      for (let at = 0; at < tarball.length; at += size) yield* archive.push(tarball.subarray(at, at + size))
      return yield* archive.end
    })
  )

const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let state = 1
  for (let i = 0; i < length; i++) {
    state = (state * 48271) % 2147483647
    bytes[i] = state
  }
  return bytes
}
const contentSha256 = (() => {
  const line = (content: string, path: string) => {
    const hasher = sha256()
    hasher.update(content)
    return `${hasher.digest()}  ${path}\n`
  }
  const hasher = sha256()
  hasher.update(line("", "done.marker") + line("hello", "e") + line(META, "meta.json"))
  return hasher.digest()
})()

const good = episode(file(`${EPISODE}/e`, "hello"))
const report: ArchiveReport = {
  contentSha256,
  metaCommit: COMMIT as NonNullable<ArchiveReport["metaCommit"]>,
  members: 4,
  unpackedBytes: good.length
}

/** A frame of RLE blocks: four bytes for each 128 KiB of `byte`. */
const rle = (blocks: number, byte = 0): Uint8Array => {
  const header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (20 - 10) << 3]
  const size = (131_072 << 3) | (1 << 1)
  const body = Array.from({ length: blocks }, (_, i) => {
    const last = i === blocks - 1 ? 1 : 0
    return [(size | last) & 0xff, (size >> 8) & 0xff, size >> 16, byte]
  })
  return Uint8Array.from([...header, ...body.flat()])
}
const claim = (size: number): Uint8Array =>
  encodeHeader({ path: `${EPISODE}/bomb`, type: "file", size, mode: 0o644, mtime: 0 })

const tooLarge = "too-large: the archive unpacks to more than 16777216 bytes"
const wordsOf = (fault: ArchiveFault): string => `${fault.problem}: ${fault.error}`

describe.each([
  { name: "production", layer: layerCodec },
  { name: "synchronous", layer: layerSync }
])("an archive over the $name codec", ({ layer }) => {
  const accepted = (tarball: Uint8Array) =>
    Effect.gen(function* () {
      for (const size of PIECES) expect(yield* checkIn(size, tarball)).toEqual(report)
    }).pipe(Effect.provide(layer))
  const refused = (tarball: Uint8Array, words: string | RegExp) =>
    Effect.gen(function* () {
      for (const size of PIECES) expect(wordsOf(yield* Effect.flip(checkIn(size, tarball)))).toMatch(words)
    }).pipe(Effect.provide(layer))

  it.effect("is accepted in one frame", () => accepted(zstd(good)))
  it.effect("is accepted in many frames, empty ones among them", () => {
    const cuts = [0, 0, 1, 511, 512, 1024, 1025, 3000, good.length, good.length]
    const frames = cuts.map((cut, i) => zstd(good.subarray(cut, cuts[i + 1] ?? good.length)))
    return accepted(Buffer.concat(frames))
  })

  it.effect.each<readonly [string, Uint8Array, string | RegExp]>([
    ["an empty body", new Uint8Array(0), "invalid-archive: invalid archive: an empty body"],
    ["a bare tar", good, "invalid-archive: invalid archive: this is not zstd data"],
    ["gzip", zlib.gzipSync(good), "invalid-archive: invalid archive: this is not zstd data"],
    [
      "a byte behind",
      Buffer.concat([zstd(good), Uint8Array.of(0)]),
      "invalid archive: bytes behind the last zstd frame"
    ],
    [
      "a skippable frame",
      Buffer.concat([Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0), zstd(good)]),
      "invalid archive: a skippable zstd frame"
    ],
    [
      "a second tar in a second frame",
      Buffer.concat([zstd(good), zstd(good)]),
      "invalid archive: bytes behind the tar's end marker"
    ],
    ["a frame cut short", zstd(good).subarray(0, -1), "invalid archive: a zstd frame is cut short"],
    [
      "a wrong checksum",
      zstd(good).map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte)),
      /invalid-archive: invalid archive: .*checksum/i
    ],

    ["a tar cut short", zstd(good.subarray(0, -600)), "invalid archive: the tar is cut short"],
    [
      "a large window",
      zlib.zstdCompressSync(noise(9 * 2 ** 20), { params: { [zlib.constants.ZSTD_c_windowLog]: 24 } }),
      "invalid archive: a zstd frame needs a window of more than 8388608 bytes"
    ],
    ["traversal", zstd(episode(file(`${EPISODE}/../x`))), 'invalid archive: "01JC0EPISODE/../x" has a ".." component'],
    ["a missing marker", zstd(tarOf(meta)), "invalid archive: done.marker is missing"],
    ["a claim over the limit", zstd(Buffer.concat([meta, marker, claim(2 ** 30)])), tooLarge],
    ["zeros without end behind the end marker", Buffer.concat([zstd(good), rle(400)]), tooLarge]
  ])("is refused for %s", ([, tarball, words]) => refused(tarball, words))

  it.effect("a bomb is not unpacked beyond the limit", () => {
    let unpacked = 0
    const counting = Layer.effect(
      Codec,
      Effect.map(Codec, (codec) => ({
        ...codec,
        decompressor: (sink) =>
          codec.decompressor((bytes) => {
            unpacked += bytes.length
            return sink(bytes)
          })
      }))
    ).pipe(Layer.provide(layer))
    const bomb = Buffer.concat([zstd(good), rle(2000)])
    return Effect.gen(function* () {
      const archive = yield* openArchive(limits)
      const first = yield* Effect.flip(archive.push(bomb).pipe(Effect.andThen(archive.end)))
      expect(first).toMatchObject({ problem: "too-large", limitBytes: limits.maxUnpackedBytes })
      expect(unpacked).toBeLessThanOrEqual(limits.maxUnpackedBytes + 2 ** 20)
      const before = unpacked
      expect(yield* Effect.flip(archive.push(bomb))).toBe(first)
      expect(yield* Effect.flip(archive.end)).toBe(first)
      expect(unpacked).toBe(before)
    }).pipe(Effect.provide(counting))
  })

  it.effect("a bomb within a member is stopped by the claim of its header", () =>
    refused(Buffer.concat([zstd(claim(2 ** 28)), rle(2048)]), tooLarge)
  )

  it("whatever is done to a good tarball, it is refused in words or has its content hash", async () => {
    const tarball = zstd(good)
    const changes = fc.array(fc.tuple(fc.nat(tarball.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(tarball.length), fc.boolean(), async (changes, cut, whole) => {
        const copy = Uint8Array.from(tarball)
        for (const [at, byte] of changes) copy[at] = byte
        const bytes = whole ? copy : copy.subarray(0, cut)
        const exit = await Effect.runPromiseExit(Effect.result(checkIn(64, bytes)).pipe(Effect.provide(layer)))
        if (!Exit.isSuccess(exit)) throw new Error(`a defect: ${String(exit.cause)}`)
        if (exit.value._tag === "Success") expect(exit.value.success.contentSha256).toBe(contentSha256)
        else expect(wordsOf(exit.value.failure)).toMatch(/^(invalid-archive: invalid archive|too-large): ./)
      })
    )
  })
})
