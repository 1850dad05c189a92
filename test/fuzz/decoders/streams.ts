/** Tarballs: framing, headers, pax records, the archive as a whole. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { expect } from "vitest"
import { layerCodec } from "../../../layers/Codec.ts"
import { checkMarker, formatManifest, manifestEntries } from "../../../src/domain/manifest.ts"
import { EpisodeId, isCommit, isSha256 } from "../../../src/domain/names.ts"
import { BLOCK, checkPath, encodeHeader, quotePath } from "../../../src/domain/tar.ts"
import { decodeUtf8, parseHeader, parsePax } from "../../../src/domain/tarReader.ts"
import { makeFrameScanner } from "../../../src/domain/zstdFrames.ts"
import { openArchive } from "../../../src/receiver/archive.ts"
import { makeArchiveCheck } from "../../../src/receiver/archiveCheck.ts"
import { sha256 as hasher } from "../../support/codecSync.ts"
import { EPISODE, record } from "../../support/tarball.ts"
import { compressing, soundTar, tarballNear, tarNear } from "../archives.ts"
import { bytesNear, mutatedText, textNear } from "../mutate.ts"
import { outcome } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { count, relativePath, sha256 } from "./samples.ts"

export const LIMITS = { episodeId: EpisodeId.make(EPISODE), maxMembers: 40, maxUnpackedBytes: 2 ** 19 }

/** Words that fit into an answer: never as long as what was sent. */
const inWords = (words: unknown): void => {
  expect(words).toBeTypeOf("string")
  expect(String(words).length).toBeLessThan(1400)
  expect(String(words)).not.toMatch(/[\0\n\r]/)
}

const entry = fc.record({ path: relativePath, sha256 })
const manifest = fc.uniqueArray(entry, { selector: ({ path }) => path, maxLength: 5 })
const read = (text: string) => {
  const entries = [...manifestEntries(text)]
  const isRefused = entries.at(-1) === undefined && entries.length > 0
  return { entries, isRefused, judged: checkMarker(text, new Map([["a", "0".repeat(64)]])) }
}

const manifests = row({
  reads: "manifests in done.marker",
  in: ["domain/manifest.ts"],
  sound: manifest.map(formatManifest),
  near: textNear(manifest.map((entries) => formatManifest(entries).replaceAll("  ", " *"))),
  read,
  typed: ({ entries, isRefused, judged }, text) => {
    if (judged !== undefined) inWords(judged)
    else expect(text).toMatch(/^$|^[0]{64}/)
    const known = entries.filter((each) => each !== undefined)
    expect(known.length).toBe(entries.length - (isRefused ? 1 : 0))
    // Whatever was understood is written so that it is understood again; `./` before a path says nothing.
    if (!isRefused && known.every(({ path }) => !path.startsWith("./")))
      expect([...manifestEntries(formatManifest(known))]).toHaveLength(known.length)
  },
  understood: ({ entries, isRefused }, text) => {
    expect(isRefused).toBe(false)
    expect(formatManifest(entries.filter((each) => each !== undefined))).toBe(text)
  },
  found: [`${"0".repeat(64)}  ${"x".repeat(100_000)}\n`]
})

const paths = row({
  reads: "paths in archives and episodes",
  in: ["domain/tar.ts"],
  sound: relativePath,
  near: textNear(relativePath),
  read: (path) => ({ fault: checkPath(path), shown: quotePath(path) }),
  typed: ({ fault, shown }, path) => {
    inWords(shown)
    if (fault !== undefined) return inWords(fault)
    expect(Buffer.from(path).toString()).toBe(path)
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(1024)
    expect(`/${path}/`).not.toMatch(/\/\.{0,2}\//)
    expect([...path].filter((letter) => letter < " " || letter === "\x7f")).toEqual([])
  },
  understood: ({ fault }) => expect(fault).toBeUndefined()
})

const tarEntry = fc.record({
  path: relativePath,
  type: fc.constantFrom("file" as const, "directory" as const),
  size: count,
  mode: fc.constantFrom(0o644, 0o755),
  mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 })
})
/** A header as our own writer makes it, with the pax header before it, if it has one. */
const headers = tarEntry.map((entry) => encodeHeader(entry.type === "file" ? entry : { ...entry, size: 0 }))

const tarHeader = row({
  reads: "headers of a tar",
  in: ["domain/tarReader.ts"],
  sound: headers,
  near: fc.oneof(bytesNear(headers), tarNear),
  read: (bytes) => {
    const block = new Uint8Array(BLOCK)
    block.set(bytes.subarray(0, BLOCK))
    return parseHeader(block, undefined)
  },
  typed: (header) => {
    if (typeof header === "string") return inWords(header)
    expect(header.size).toBeGreaterThanOrEqual(0)
    expect(Number.isSafeInteger(header.size)).toBe(true)
    expect(header.path.isWellFormed()).toBe(true)
  },
  understood: (header) => expect(header).toBeTypeOf("object")
})

const records = fc
  .record(
    { path: relativePath, size: count.map(String), mtime: fc.constantFrom("0", "-1", "1.5") },
    { requiredKeys: [] }
  )
  .map((records) =>
    Object.entries(records)
      .map(([key, value]) => record(key, value))
      .join("")
  )

const paxRecords = row({
  reads: "pax records",
  in: ["domain/tarReader.ts"],
  sound: records.map((text) => new TextEncoder().encode(text)),
  near: fc.oneof(
    bytesNear(records.map((text) => new TextEncoder().encode(text))),
    mutatedText(records).map((text) => new TextEncoder().encode(text))
  ),
  read: parsePax,
  typed: (found) => {
    if (typeof found === "string") return inWords(found)
    expect(Object.keys(found).filter((key) => key !== "path" && key !== "size")).toEqual([])
    if (found.size !== undefined) expect(Number.isSafeInteger(found.size)).toBe(true)
  },
  understood: (found) => expect(found).toBeTypeOf("object")
})

const utf8 = row({
  reads: "bytes that should be text",
  in: ["domain/tarReader.ts"],
  sound: fc.string({ unit: "grapheme" }).map((text) => new Uint8Array(Buffer.from(text))),
  near: bytesNear(fc.string({ unit: "binary" }).map((text) => new Uint8Array(Buffer.from(text)))),
  read: decodeUtf8,
  // No two contents look the same.
  typed: (text, bytes) => {
    if (text !== undefined) expect(Buffer.from(text)).toEqual(Buffer.from(bytes))
    else expect(Buffer.from(Buffer.from(bytes).toString())).not.toEqual(Buffer.from(bytes))
  },
  understood: (text) => expect(text).toBeTypeOf("string")
})

const frames = row({
  reads: "zstd framing",
  in: ["domain/zstdFrames.ts"],
  sound: fc.tuple(compressing, soundTar).map(([compress, { tar }]) => compress(tar)),
  near: tarballNear,
  read: (bytes) => {
    const ends: Array<number> = []
    const scanner = makeFrameScanner((offset) => void ends.push(offset))
    return { ends, fault: scanner.push(bytes) ?? scanner.end() }
  },
  typed: ({ ends, fault }, bytes) => {
    if (fault !== undefined) inWords(fault)
    else expect(ends.at(-1)).toBe(bytes.length)
    expect(ends.every((end, i) => end > (ends[i - 1] ?? 0) && end <= bytes.length)).toBe(true)
  },
  understood: ({ fault }) => expect(fault).toBeUndefined()
})

const archiveOf = (bytes: Uint8Array) =>
  outcome(
    Effect.scoped(
      Effect.gen(function* () {
        const archive = yield* openArchive(LIMITS)
        yield* archive.push(bytes)
        return yield* archive.end
      })
    ).pipe(Effect.provide(layerCodec))
  )

const checkReport = (report: {
  readonly contentSha256: string
  readonly metaCommit: string | undefined
  readonly members: number
}) => {
  expect(isSha256(report.contentSha256)).toBe(true)
  expect(report.metaCommit === undefined || isCommit(report.metaCommit)).toBe(true)
  expect(report.members).toBeLessThanOrEqual(LIMITS.maxMembers)
}

const tars = row({
  reads: "the tar of an episode",
  in: ["receiver/archiveCheck.ts", "receiver/tarStream.ts", "receiver/members.ts"],
  sound: soundTar.map(({ tar }) => tar),
  near: tarNear,
  read: (bytes) => {
    const check = makeArchiveCheck(LIMITS, hasher)
    check.push(bytes)
    return check.end()
  },
  typed: (found) => {
    if (!("problem" in found)) return checkReport(found)
    inWords(found.error)
    expect(found.error).toMatch(found.problem === "too-large" ? /^the archive unpacks/ : /^invalid archive: ./)
  },
  understood: (found) => expect(found).toHaveProperty("contentSha256")
})

const tarballs = row({
  reads: "tarballs",
  in: ["receiver/archive.ts"],
  sound: fc.tuple(compressing, soundTar).map(([compress, { tar }]) => compress(tar)),
  near: tarballNear,
  read: archiveOf,
  typed: (found) => {
    if (Result.isSuccess(found)) return checkReport(found.success)
    inWords(found.failure.error)
    expect(["invalid-archive", "too-large"]).toContain(found.failure.problem)
  },
  understood: (found) => expect(Result.isSuccess(found)).toBe(true),
  share: 0.5
})

export const streams: ReadonlyArray<Decoder> = [manifests, paths, tarHeader, paxRecords, utf8, frames, tars, tarballs]
