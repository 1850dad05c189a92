import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerCodec } from "../../layers/Codec.ts"
import { layerTemporary } from "../../layers/Lookup.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { Dataset } from "../../src/receiver/Dataset.ts"
import { setAside } from "../../src/receiver/setAside.ts"
import { type VerifyProgress, type VerifyReport, verify } from "../../src/receiver/verify.ts"
import { type Ground, makeGround, makeTarball, nameOf, rowFor } from "../support/dataset.ts"
import { errno } from "../support/faultyFiles.ts"
import { scratchDirectory } from "../support/scratch.ts"

const inScratch = <A, E>(test: (ground: Ground) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(scratchDirectory, (root) => test(makeGround(root))))

const tarballs = new Map(["e1", "e2", "e3", "e4", "e5"].map((id) => [id, makeTarball(id, `${id}\n`)]))
const tarball = (id: string) => tarballs.get(id) ?? makeTarball(id, `${id}\n`)
const line = (id: string) => `${JSON.stringify(rowFor(nameOf(id), tarball(id)))}\n`

const look = (ground: Ground, onProgress?: (progress: VerifyProgress) => Effect.Effect<void>) =>
  Effect.provide(
    verify(ground.options, onProgress),
    Layer.mergeAll(layerTemporary, layerVolume, layerCodec, ground.files.layer),
    { local: true }
  )
const kinds = (report: VerifyReport) => report.findings.map(({ kind, episodeId }) => `${kind} ${episodeId}`)

/** e1 is well; e2 missing; e3 other bytes of the same size; e4 without a row; e5 without a row and not sound. */
const put = (ground: Ground) => {
  ground.putStored(nameOf("e1"), tarball("e1").tarball)
  const flipped = Uint8Array.from(tarball("e3").tarball, (byte, i) => (i === 40 ? byte ^ 1 : byte))
  ground.putStored(nameOf("e3"), flipped)
  ground.putStored(nameOf("e4"), tarball("e4").tarball)
  ground.putStored(nameOf("e5"), "rubbish")
  writeFileSync(`${ground.options.storeRoot}/lab-1/notes.txt`, "not an episode")
  ground.putIndex(`${line("e1")}${line("e2")}no row\n${line("e3")}`)
}

/** Every name below a directory, with its time and its size. */
const traces = (root: string) =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((path) => `${path} ${statSync(`${root}/${path}`).mtimeMs} ${statSync(`${root}/${path}`).size}`)

describe("verify", () => {
  it.effect("names what is missing, damaged or unindexed, and changes nothing", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        put(ground)
        const root = `${ground.options.storeRoot}/..`
        const before = traces(root)
        const report = yield* look(ground)
        assert.sameMembers(kinds(report), ["missing e2", "damaged e3", "unindexed e4", "damaged e5"])
        assert.deepStrictEqual(report.strays, [`${ground.options.storeRoot}/lab-1/notes.txt`])
        assert.strictEqual(report.unreadableLines, 1)
        assert.include(report.findings.find(({ episodeId }) => episodeId === "e3")?.found, tarball("e3").sha256)
        assert.deepStrictEqual(traces(root), before)
      })
    )
  )

  it.effect("finds nothing where nothing is wrong, and tells its progress", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        for (const id of tarballs.keys()) ground.putStored(nameOf(id), tarball(id).tarball)
        ground.putIndex([...tarballs.keys()].map(line).join(""))
        const seen: Array<VerifyProgress> = []
        const report = yield* look(ground, (progress) => Effect.sync(() => seen.push(progress)))
        assert.deepStrictEqual(report.findings, [])
        const bytes = [...tarballs.values()].reduce((sum, each) => sum + each.bytes, 0)
        assert.deepStrictEqual(seen.at(-1), { files: 5, totalFiles: 5, bytes })
        assert.strictEqual(report.files, 5)
      })
    )
  )

  it.effect("calls a bad sector damage, and does not guess about what it may not read", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(nameOf("e1"), tarball("e1").tarball)
        ground.putIndex(line("e1"))
        const { control } = ground.files
        control.fault = (operation, path) =>
          operation === "read" && path.endsWith("e1.tar.zst") ? errno("EIO", path) : undefined
        assert.deepStrictEqual(kinds(yield* look(ground)), ["damaged e1"])
        control.fault = (operation, path) =>
          operation === "read" && path.endsWith("e1.tar.zst") ? errno("EACCES", path) : undefined
        assert.strictEqual((yield* Effect.flip(look(ground)))._tag, "PlatformError")
      })
    )
  )

  it.effect("runs beside a receiver at work and does not mistake what is stored meanwhile", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* ground.life(
          Effect.gen(function* () {
            const dataset = yield* Dataset
            const store = (id: string) =>
              Effect.suspend(() => dataset.commit(ground.arrival(nameOf(id), tarball(id)))).pipe(
                Effect.scoped,
                Effect.orDie
              )
            yield* store("e1")
            yield* store("e2")
            const report = yield* look(ground, () =>
              // After the index was read for the first time, before the listing.
              Effect.suspend(() => (ground.rows().length === 2 ? Effect.asVoid(store("e3")) : Effect.void))
            )
            assert.deepStrictEqual(kinds(report), [])
            assert.strictEqual(ground.rows().length, 3)
          })
        )
      })
    )
  )
})

describe("setting aside", () => {
  const damaged = (ground: Ground) => `${ground.options.storeRoot}/../damaged/lab-1`
  const verifyAndSetAside = (ground: Ground) =>
    ground.hold(Effect.flatMap(look(ground), ({ findings }) => setAside(findings)))

  it.effect("moves what is damaged, withdraws its row, and lets it be sent again", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        put(ground)
        const moved = yield* verifyAndSetAside(ground)
        assert.sameMembers(
          moved.map(({ episodeId }): string => episodeId),
          ["e3", "e5"]
        )
        assert.sameMembers(readdirSync(damaged(ground)), ["e3.tar.zst", "e5.tar.zst"])
        assert.strictEqual(
          readFileSync(moved.find(({ episodeId }) => episodeId === "e5")?.movedTo ?? "", "utf8"),
          "rubbish"
        )
        assert.sameMembers(kinds(yield* look(ground)), ["missing e2", "unindexed e4"])
        const withdrawn = ground.index().trimEnd().split("\n").slice(4)
        assert.strictEqual(withdrawn.length, 1)
        assert.include(withdrawn[0], '"episode_id":"e3"')
        assert.include(withdrawn[0], '"status":"withdrawn"')
        yield* ground.life(
          Effect.gen(function* () {
            const dataset = yield* Dataset
            const arrival = ground.arrival(nameOf("e3"), makeTarball("e3", "quite other content\n"))
            const answer = yield* Effect.scoped(dataset.commit(arrival))
            assert.strictEqual(answer.status, "stored")
          })
        )
      })
    )
  )

  it.effect("overwrites nothing that was set aside before", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        for (const content of ["first", "second", "third"]) {
          ground.putStored(nameOf("e1"), content)
          ground.putIndex(line("e1"))
          rmSync(`${ground.options.indexPath}.lookup`, { force: true })
          yield* verifyAndSetAside(ground)
        }
        const read = (file: string) => readFileSync(`${damaged(ground)}/${file}`, "utf8")
        assert.deepStrictEqual(["e1.tar.zst", "e1~1.tar.zst", "e1~2.tar.zst"].map(read), ["first", "second", "third"])
      })
    )
  )
})
