/** What streams by is judged alike however it is cut, and as other readers judge it. */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { layerCodec } from "../../layers/Codec.ts"
import { BLOCK, encodeHeader, padding } from "../../src/domain/tar.ts"
import { makeFrameScanner } from "../../src/domain/zstdFrames.ts"
import { openArchive } from "../../src/receiver/archive.ts"
import { makeArchiveCheck } from "../../src/receiver/archiveCheck.ts"
import { makeTarStream } from "../../src/receiver/tarStream.ts"
import { sha256 } from "../support/codecSync.ts"
import { compressing, readByOthers, soundTar, tarballNear, tarNear } from "./archives.ts"
import { relativePath } from "./decoders/samples.ts"
import { LIMITS } from "./decoders/streams.ts"
import { part } from "./effort.ts"
import { bytesNear, cuts, inPiecesOf } from "./mutate.ts"
import { outcome } from "./outcome.ts"

const checkTar = (pieces: ReadonlyArray<Uint8Array>) => {
  const check = makeArchiveCheck(LIMITS, sha256)
  for (const piece of pieces) {
    const goesOn = check.push(piece)
    expect(goesOn).toBe(check.refusal() === undefined)
  }
  return check.end()
}

const scan = (pieces: ReadonlyArray<Uint8Array>) => {
  const ends: Array<number> = []
  const scanner = makeFrameScanner((offset) => void ends.push(offset))
  for (const piece of pieces) scanner.push(piece)
  return { fault: scanner.end(), ends }
}

/** The codec is one and the same: threads and all. */
const checkTarball = (pieces: ReadonlyArray<Uint8Array>) =>
  outcome(
    Effect.scoped(
      Effect.gen(function* () {
        const archive = yield* openArchive(LIMITS)
        for (const piece of pieces) yield* archive.push(piece)
        return yield* archive.end
      })
    ).pipe(Effect.provide(layerCodec))
  )

describe("in pieces of any size", () => {
  it("a tar is judged in the same words", () =>
    fc.assert(
      fc.property(tarNear, cuts, (tar, cuts) => {
        expect(checkTar(inPiecesOf(tar, cuts))).toEqual(checkTar([tar]))
      })
    ))

  it("zstd frames are judged in the same words, and end at the same places", () =>
    fc.assert(
      fc.property(tarballNear, cuts, (tarball, cuts) => {
        expect(scan(inPiecesOf(tarball, cuts))).toEqual(scan([tarball]))
      })
    ))

  it("a tarball is accepted or refused, with the same report", () =>
    fc.assert(
      fc.asyncProperty(tarballNear, cuts, async (tarball, cuts) => {
        const [whole, cut] = [await checkTarball([tarball]), await checkTarball(inPiecesOf(tarball, cuts))]
        // Framing and content are both wrong at times: which is said first depends on what came together.
        if (Result.isFailure(whole)) expect(Result.isFailure(cut)).toBe(true)
        else expect(cut).toEqual(whole)
      }),
      part(0.25)
    ))
})

describe("other readers", () => {
  it("find in a sound tarball what we find", () =>
    fc.assert(
      fc.asyncProperty(soundTar, compressing, async ({ contentSha256, tar }, compress) => {
        const found = await checkTarball([compress(tar)])
        expect(found).toMatchObject({ success: { contentSha256, unpackedBytes: tar.length } })
        expect(await readByOthers(tar)).toBe(contentSha256)
      }),
      part(0.1)
    ))

  it("find the same files in whatever tar we accept", () =>
    fc.assert(
      fc.asyncProperty(tarNear, async (tar) => {
        const found = checkTar([tar])
        fc.pre(!("problem" in found))
        expect(await readByOthers(tar)).toBe(found.contentSha256)
      }),
      { ...part(0.25), maxSkipsPerRun: 1000 }
    ))

  it("decompress whatever framing and codec accept to as many bytes", () =>
    fc.assert(
      fc.asyncProperty(tarballNear, async (tarball) => {
        const found = await checkTarball([tarball])
        fc.pre(Result.isSuccess(found))
        expect(zlib.zstdDecompressSync(tarball).length).toBe(found.success.unpackedBytes)
      }),
      { ...part(0.1), maxSkipsPerRun: 1000 }
    ))
})

describe("what is harmed after it was packed", () => {
  it("is never taken for other content, where the frame carries a checksum", () =>
    fc.assert(
      fc.asyncProperty(
        soundTar,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        async (sound, changes) => {
          const tarball = zlib.zstdCompressSync(sound.tar, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } })
          for (const [at, byte] of changes) tarball[at % tarball.length] = byte
          const found = await checkTarball([tarball])
          if (Result.isSuccess(found)) expect(found.success.contentSha256).toBe(sound.contentSha256)
        }
      ),
      part(0.25)
    ))
})

describe("a header of ours", () => {
  const entry = fc.record({
    path: relativePath,
    type: fc.constantFrom("file" as const, "directory" as const),
    size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    mode: fc.constantFrom(0o644, 0o755),
    mtime: fc.integer({ min: -(2 ** 50), max: 2 ** 50 })
  })

  it("says what was written", () =>
    fc.assert(
      fc.property(entry, cuts, (entry, cuts) => {
        const size = entry.type === "file" ? entry.size : 0
        const seen: Array<unknown> = []
        const stream = makeTarStream({
          begin: ({ path, size, type }) => void seen.push({ path, size, type }),
          data: () => expect.unreachable(),
          finish: () => undefined
        })
        for (const piece of inPiecesOf(encodeHeader({ ...entry, size }), cuts))
          expect(stream.push(piece)).toBeUndefined()
        expect(seen).toEqual([{ path: entry.path, type: entry.type, size }])
      })
    ))
})

describe("a stream of blocks", () => {
  it("gives its readers every byte of a member once, and no more", () =>
    fc.assert(
      fc.property(bytesNear(soundTar.map(({ tar }) => tar)), cuts, (tar, cuts) => {
        let claimed = 0
        let seen = 0
        let open = false
        const stream = makeTarStream({
          begin: ({ size }) => {
            expect(open).toBe(false)
            claimed += size
            open = true
            return undefined
          },
          data: (bytes) => {
            expect(open && bytes.length > 0).toBe(true)
            seen += bytes.length
          },
          finish: () => {
            expect(open).toBe(true)
            open = false
          }
        })
        const fault = inPiecesOf(tar, cuts).reduce<string | undefined>(
          (fault, piece) => fault ?? stream.push(piece),
          undefined
        )
        expect(seen).toBeLessThanOrEqual(Math.min(claimed, tar.length))
        if (fault === undefined && stream.end() === undefined) {
          expect(seen).toBe(claimed)
          expect(open).toBe(false)
        }
      })
    ))

  it("of zeros has no members, however many there are", () =>
    fc.assert(
      fc.property(fc.nat({ max: 20 * BLOCK }), (size) => {
        expect(padding(size)).toBeLessThan(BLOCK)
        expect(checkTar([new Uint8Array(size)])).toHaveProperty("problem", "invalid-archive")
      }),
      part(0.05)
    ))
})
