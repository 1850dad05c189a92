/** An index of any bytes, read in any steps, torn anywhere. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { layerMemory } from "../../layers/Lookup.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { HostId, Sha256 } from "../../src/domain/names.ts"
import type { IndexRow } from "../../src/domain/row.ts"
import { followIndex } from "../../src/receiver/followIndex.ts"
import { IndexLog, layerIndexLog } from "../../src/receiver/IndexLog.ts"
import { findRow } from "../../src/receiver/readRow.ts"
import { formatRow, isWhole, parseLine } from "../../src/receiver/rowLine.ts"
import { type EpisodeName, nameOf } from "../../src/receiver/storePaths.ts"
import { nameOf as makeName } from "../support/dataset.ts"
import { indexRow } from "./decoders/receiverFiles.ts"
import { part } from "./effort.ts"
import { bytesNear, cuts, jsonNear } from "./mutate.ts"
import { outcome } from "./outcome.ts"

const root = mkdtempSync(join(tmpdir(), "cis490-fuzz-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const indexPath = join(root, "index.jsonl")

/** Few names, so that rows meet. */
const NAMES = ["e1", "e2", "e3"].map((id) => makeName(id))
const row = fc
  .tuple(indexRow, fc.constantFrom(...NAMES))
  .map(([row, { episodeId, hostId }]): IndexRow => ({ ...row, host_id: hostId, episode_id: episodeId }))
const line = fc.oneof(
  { arbitrary: row.map(formatRow), weight: 6 },
  jsonNear(row).map((text) => `${text}\n`),
  fc.constantFrom("\n", "  \n", "\0\n", "7\n", "{}\n", `{"host_id":"lab-1","episode_id":"e1","status":"withdrawn"}\n`),
  // Longer than what is read at once.
  fc
    .tuple(row, fc.nat({ max: 300_000 }))
    .map(([row, size]) => `${JSON.stringify({ ...row, more: "x".repeat(size) })}\n`)
)
const index = fc.array(line, { maxLength: 12 }).map((lines) => new Uint8Array(Buffer.from(lines.join(""))))
const indexNear = bytesNear(index)

const wholeLines = (bytes: Uint8Array): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (let from = 0, to = bytes.indexOf(10); to >= 0; from = to + 1, to = bytes.indexOf(10, from)) {
    lines.push(new TextDecoder().decode(bytes.subarray(from, to)))
  }
  return lines
}

/** What stands, by the last line that speaks of each name. */
const standing = (lines: ReadonlyArray<string>): ReadonlyMap<string, IndexRow> => {
  const rows = new Map<string, IndexRow>()
  for (const line of lines.map(parseLine)) {
    if (line._tag === "Stands") rows.set(nameOf({ hostId: line.row.host_id, episodeId: line.row.episode_id }), line.row)
    if (line._tag === "Withdrawn") rows.delete(nameOf(line.name))
  }
  return rows
}

/** Follows the index as it grows to each of these sizes, and finds every name. */
const followed = (bytes: Uint8Array, sizes: ReadonlyArray<number>) =>
  outcome(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      writeFileSync(indexPath, bytes.subarray(0, sizes[0]))
      const file = yield* fs.open(indexPath, { flag: "r" })
      for (const size of sizes) {
        writeFileSync(indexPath, bytes.subarray(0, size))
        yield* followIndex(file)
      }
      const rows = new Map<string, IndexRow>()
      for (const name of NAMES) {
        const found = yield* findRow(file, name)
        if (found !== undefined) rows.set(nameOf(name), found)
      }
      return rows
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeFileSystem.layer, layerMemory)))
  )

const ours = (rows: ReadonlyMap<string, IndexRow>) =>
  new Map([...rows].filter(([key]) => NAMES.some((name) => nameOf(name) === key)))

describe("an index of any bytes", () => {
  it("is followed to what its whole lines say, in whatever steps it grows", () =>
    fc.assert(
      fc.asyncProperty(indexNear, cuts, async (bytes, cuts) => {
        const steps = cuts.slice(0, 4).map((cut) => cut % (bytes.length + 1))
        const sizes = [...steps.toSorted((a, b) => a - b), bytes.length]
        const rows = Result.getOrThrow(await followed(bytes, sizes))
        expect(rows).toEqual(ours(standing(wholeLines(bytes))))
      }),
      part(0.2)
    ))

  const layer = () =>
    layerIndexLog({
      storeRoot: join(root, "store"),
      incomingRoot: join(root, "incoming"),
      indexPath,
      maxMembers: 1,
      maxUnpackedBytes: 1
    }).pipe(Layer.provide([layerMemory, layerVolume, NodeFileSystem.layer]))
  const open = <A, E>(effect: Effect.Effect<A, E, IndexLog>) =>
    outcome(Effect.provide(effect, layer(), { local: true }))
  const find = (name: EpisodeName) => Effect.flatMap(IndexLog, (index) => index.find(name))
  const added: IndexRow = {
    host_id: HostId.make("lab-1"),
    episode_id: makeName("new").episodeId,
    sha256: Sha256.make("0".repeat(64)),
    bytes: 1
  }

  it("is opened for writing with nothing lost but a torn last line, and takes rows", () =>
    fc.assert(
      fc.asyncProperty(indexNear, fc.option(fc.nat()), async (bytes, cut) => {
        writeFileSync(indexPath, bytes)
        if (cut !== null) truncateSync(indexPath, cut % (bytes.length + 1))
        const before = new Uint8Array(readFileSync(indexPath))
        const rows = await open(
          Effect.gen(function* () {
            const rows = yield* Effect.forEach(NAMES, find)
            const index = yield* IndexLog
            yield* index.append(added)
            expect(yield* find(makeName("new"))).toEqual(added)
            return rows
          })
        )
        const after = new Uint8Array(readFileSync(indexPath))
        const tail = Buffer.from(formatRow(added))
        expect(Buffer.from(after.subarray(-tail.length))).toEqual(tail)
        const kept = after.subarray(0, after.length - tail.length)

        // What is kept is what was there, or one newline more; what is gone is one line that says nothing.
        const common = Math.min(kept.length, before.length)
        expect(Buffer.from(kept.subarray(0, common)).equals(before.subarray(0, common))).toBe(true)
        expect(kept.length).toBeLessThanOrEqual(before.length + 1)
        const gone = Buffer.from(before.subarray(common)).toString()
        expect(gone.slice(0, -1)).not.toContain("\n")
        if (gone !== "" && gone.length < 60_000) expect(isWhole(gone)).toBe(false)
        const stands = standing(wholeLines(kept))
        expect(Result.getOrThrow(rows)).toEqual(NAMES.map((name) => stands.get(nameOf(name))))
      }),
      part(0.1)
    ))
})
