import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { layerMemory } from "../../layers/Lookup.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { IndexLog, layerIndexLog } from "../../src/receiver/IndexLog.ts"
import { withdrawalOf } from "../../src/receiver/rows.ts"
import { Lookup, LookupUnavailable } from "../../src/services/Lookup.ts"
import { type Ground, makeGround, makeTarball, nameOf, rowFor } from "../support/dataset.ts"
import { errno } from "../support/faultyFiles.ts"
import { scratchDirectory } from "../support/scratch.ts"

const tarball = makeTarball("e", "one\n")
const row = (episodeId: string) => rowFor(nameOf(episodeId), tarball)
const line = (episodeId: string) => `${JSON.stringify(row(episodeId))}\n`

/** The index open for writing, over a lookup that outlives it where the test gives one. */
const open = <A, E>(ground: Ground, effect: Effect.Effect<A, E, IndexLog>, lookup: Layer.Layer<Lookup> = layerMemory) =>
  Effect.provide(effect, layerIndexLog(ground.options).pipe(Layer.provide([lookup, layerVolume, ground.files.layer])), {
    local: true
  })

const inScratch = <A, E>(test: (ground: Ground) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(scratchDirectory, (root) => test(makeGround(root))))

const append = (episodeId: string) => Effect.flatMap(IndexLog, (index) => index.append(row(episodeId)))
const find = (episodeId: string) => Effect.flatMap(IndexLog, (index) => index.find(nameOf(episodeId)))
const findLast = (episodeId: string) => Effect.flatMap(IndexLog, (index) => index.findLast(nameOf(episodeId)))
const rowOfNull = { host_id: "lab-1", episode_id: "null" }
const trouble = Effect.flatMap(IndexLog, (index) => index.trouble)
const wasTorn = Effect.map(IndexLog, (index) => index.wasTorn)
const isThere = (episodeId: string) => Effect.map(find(episodeId), (found) => found !== undefined)

describe("rows", () => {
  it.effect("are written with their members in order, and found", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* open(
          ground,
          Effect.gen(function* () {
            yield* append("e1")
            assert.deepStrictEqual(yield* find("e1"), row("e1"))
            assert.isUndefined(yield* find("e2"))
          })
        )
        assert.strictEqual(
          ground.index(),
          `{"schema_version":1,"host_id":"lab-1","episode_id":"e1","sha256":"${tarball.sha256}","bytes":${tarball.bytes},"content_sha256":"${tarball.contentSha256}","received_at":"2026-01-01T00:00:00.000Z","commit":"0123456789abcdef0123456789abcdef01234567"}\n`
        )
      })
    )
  )

  it.effect("of older versions and with members of others are found", () =>
    inScratch((ground) => {
      ground.putIndex(`{"host_id":"lab-1","episode_id":"old","sha256":"${tarball.sha256}","bytes":3,"of_others":[1]}\n`)
      return open(
        ground,
        Effect.gen(function* () {
          const found = yield* find("old")
          assert.strictEqual(found?.bytes, 3)
          assert.isUndefined(found?.content_sha256)
        })
      )
    })
  )

  it.effect("with nulls for what they do not say are found, and none is written again", () =>
    inScratch((ground) => {
      const names = `"host_id":"lab-1","episode_id":"null"`
      const nulls = `"content_sha256":null,"commit":null,"received_at":null,"schema_version":null,"status":null`
      ground.putIndex(`{${names},"sha256":"${tarball.sha256}","bytes":3,${nulls}}\n`)
      return open(
        ground,
        Effect.gen(function* () {
          const found = yield* find("null")
          assert.deepStrictEqual(found as unknown, { ...rowOfNull, sha256: tarball.sha256, bytes: 3 })
          const index = yield* IndexLog
          if (found !== undefined) yield* index.append(withdrawalOf(found, "2026-01-02T00:00:00.000Z"))
          assert.notInclude(ground.index().split("\n")[1], ":null")
          assert.isUndefined(yield* find("null"))
        })
      )
    })
  )

  it.effect("that lack what every row says stay unreadable", () =>
    inScratch((ground) => {
      ground.putIndex(`{"host_id":"lab-1","episode_id":"null","sha256":null,"bytes":3}\n`)
      return open(
        ground,
        Effect.gen(function* () {
          assert.isUndefined(yield* find("null"))
        })
      )
    })
  )

  it.effect("are taken back by a later row, and stand again after a still later one", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* open(
          ground,
          Effect.gen(function* () {
            const index = yield* IndexLog
            yield* append("e1")
            yield* index.append(withdrawalOf(row("e1"), "2026-01-02T00:00:00.000Z"))
            assert.isUndefined(yield* find("e1"))
            assert.deepStrictEqual(yield* findLast("e1"), withdrawalOf(row("e1"), "2026-01-02T00:00:00.000Z"))
          })
        )
        assert.isFalse(yield* open(ground, isThere("e1")))
        assert.strictEqual((yield* open(ground, findLast("e1")))?.status, "withdrawn")
        assert.isTrue(yield* open(ground, Effect.andThen(append("e1"), isThere("e1"))))
      })
    )
  )

  it.effect("that are withdrawn by name alone are withdrawn", () =>
    inScratch((ground) => {
      ground.putIndex(`${line("e1")}{"host_id":"lab-1","episode_id":"e1","status":"withdrawn"}\n`)
      return open(
        ground,
        Effect.gen(function* () {
          assert.isFalse(yield* isThere("e1"))
          assert.isUndefined(yield* findLast("e1"))
        })
      )
    })
  )
})

describe("many rows at once", () => {
  it.effect("share writes and syncs", () =>
    inScratch((ground) =>
      open(
        ground,
        Effect.gen(function* () {
          const before = ground.files.count("sync", "index.jsonl")
          const ids = Array.from({ length: 50 }, (_, i) => `e${i}`)
          yield* Effect.forEach(ids, append, { concurrency: "unbounded" })
          assert.isBelow(ground.files.count("sync", "index.jsonl") - before, 10)
          assert.sameMembers(
            ground.rows().map((found) => found.episode_id as string),
            ids
          )
          for (const id of ids) assert.strictEqual((yield* find(id))?.episode_id, id)
        })
      )
    )
  )
})

describe("the end of the index, at start", () => {
  const cases: Record<string, { readonly index: string; readonly left: string; readonly torn: boolean }> = {
    "half a row": { index: `${line("e1")}{"schema_version":1,"host`, left: line("e1"), torn: true },
    "nothing but half a row": { index: `{"schema`, left: "", torn: true },
    "a whole row without its newline": {
      index: `${line("e1")}${line("e2").trimEnd()}`,
      left: line("e1") + line("e2"),
      torn: false
    },
    "blocks of zeros": { index: `${line("e1")}${"\0".repeat(200_000)}`, left: line("e1"), torn: true },
    "a last line with zeros in it": { index: `${line("e1")}\0\0\0\0"bytes":1}\n`, left: line("e1"), torn: true },
    "a broken line before the last": { index: `{"half\n${line("e1")}`, left: `{"half\n${line("e1")}`, torn: false },
    "two broken lines": { index: `${line("e1")}{"half\n{"half`, left: `${line("e1")}{"half\n`, torn: true },
    "a last line that is no row of ours": {
      index: `${line("e1")}{"of":"others"}\n`,
      left: `${line("e1")}{"of":"others"}\n`,
      torn: false
    }
  }
  for (const [title, { index, left, torn }] of Object.entries(cases)) {
    it.effect(`${title}: ${torn ? "cut off" : "kept"}`, () =>
      inScratch((ground) => {
        ground.putIndex(index)
        return open(
          ground,
          Effect.gen(function* () {
            assert.strictEqual(ground.index(), left)
            assert.strictEqual(yield* wasTorn, torn)
            assert.strictEqual(yield* isThere("e1"), left.includes('"e1"'))
            yield* append("e9")
            assert.strictEqual(ground.index(), left + line("e9"))
            assert.isTrue(yield* isThere("e9"))
          })
        )
      })
    )
  }

  it.effect("was torn until the store has been gone through, however often the process starts", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putIndex("{")
        assert.isTrue(yield* open(ground, wasTorn))
        assert.isTrue(yield* open(ground, wasTorn))
        yield* open(
          ground,
          Effect.flatMap(IndexLog, (index) => index.isMended)
        )
        assert.isFalse(yield* open(ground, wasTorn))
      })
    )
  )
})

describe("a write that fails", () => {
  for (const [code, full] of [
    ["ENOSPC", true],
    ["EIO", false]
  ] as const) {
    it.effect(`${code}: is cut back, said, and over with the next row`, () =>
      inScratch((ground) =>
        open(
          ground,
          Effect.gen(function* () {
            const { control } = ground.files
            yield* append("e1")
            control.written = 20
            control.fault = (operation, path) => (operation === "writeAll" ? errno(code, path) : undefined)
            const error = yield* Effect.flip(append("e2"))
            assert.strictEqual(error.full, full)
            assert.include(error.message, code)
            assert.strictEqual(ground.index(), line("e1"))
            control.fault = () => undefined
            assert.isFalse(yield* isThere("e2"))
            assert.isUndefined(yield* trouble)
            yield* append("e2")
            assert.strictEqual(ground.index(), line("e1") + line("e2"))
          })
        )
      )
    )
  }

  it.effect("and cannot be cut back fails every row until it can", () =>
    inScratch((ground) =>
      open(
        ground,
        Effect.gen(function* () {
          const { control } = ground.files
          yield* append("e1")
          control.written = 20
          control.fault = (operation, path) =>
            operation === "writeAll" || operation === "truncate" ? errno("EIO", path) : undefined
          yield* Effect.flip(append("e2"))
          control.fault = (operation, path) => (operation === "truncate" ? errno("EIO", path) : undefined)
          assert.include((yield* Effect.flip(append("e2"))).message, "taken back")
          assert.include(yield* trouble, "EIO")
          assert.strictEqual(ground.index(), line("e1") + line("e2").slice(0, 20))
          control.fault = () => undefined
          assert.isUndefined(yield* trouble)
          assert.strictEqual(ground.index(), line("e1"))
          yield* append("e3")
          assert.strictEqual(ground.index(), line("e1") + line("e3"))
          assert.isTrue(yield* isThere("e3"))
        })
      )
    )
  )
})

describe("a sync that fails", () => {
  it.effect("is a defect for all who wait, and for all who come later", () =>
    inScratch((ground) =>
      open(
        ground,
        Effect.gen(function* () {
          const { control } = ground.files
          control.fault = (operation, path) =>
            operation === "sync" && path.endsWith("index.jsonl") ? errno("EIO", path) : undefined
          const exits = yield* Effect.forEach(["e1", "e2", "e3"], (id) => Effect.exit(append(id)), {
            concurrency: "unbounded"
          })
          control.fault = () => undefined
          exits.push(yield* Effect.exit(append("e4")))
          for (const exit of exits) assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
          assert.isFalse(yield* isThere("e1"))
        })
      )
    )
  )
})

describe("the lookup", () => {
  /** One lookup for several lives. */
  const withLookup = <A, E>(test: (lookup: Layer.Layer<Lookup>) => Effect.Effect<A, E>) =>
    Effect.flatMap(Lookup, (lookup) => test(Layer.succeed(Lookup, lookup))).pipe(
      Effect.provide(layerMemory, { local: true })
    )

  it.effect("reads on from where it was", () =>
    inScratch((ground) =>
      withLookup((lookup) =>
        Effect.gen(function* () {
          yield* open(ground, append("e1"), lookup)
          writeFileSync(ground.options.indexPath, line("e2"), { flag: "a" })
          const before = ground.files.control.calls.length
          assert.isTrue(yield* open(ground, isThere("e2"), lookup))
          assert.isAbove(ground.files.control.calls.length, before)
          assert.isTrue(yield* open(ground, isThere("e1"), lookup))
        })
      )
    )
  )

  it.effect("is told of many rows at once, and what it was not told of counts all the same, also after a crash", () =>
    inScratch((ground) =>
      withLookup((layer) =>
        Effect.gen(function* () {
          const lookup = yield* Effect.provide(Lookup, layer)
          const ids = Array.from({ length: 150 }, (_, i) => `e${i}`)
          const expectAll = Effect.forEach(ids, (id) => Effect.map(isThere(id), (found) => assert.isTrue(found, id)))
          const appendAll = Effect.gen(function* () {
            for (const id of ids) {
              yield* append(id)
              assert.isTrue(yield* isThere(id), id)
            }
            const told = yield* lookup.count
            assert.isAbove(told, 0)
            assert.isBelow(told, ids.length)
            yield* expectAll
            const index = yield* IndexLog
            yield* index.append(withdrawalOf(row("e149"), "2026-01-02T00:00:00.000Z"))
            assert.isUndefined(yield* find("e149"))
            yield* append("e149")
          })
          yield* open(ground, appendAll, layer)
          yield* open(ground, expectAll, layer)
          assert.strictEqual(yield* lookup.count, ids.length)
        })
      )
    )
  )

  it.effect("that cannot be told stops the index only when too much has come together, and until it can", () =>
    inScratch((ground) =>
      withLookup((layer) =>
        Effect.gen(function* () {
          const lookup = yield* Effect.provide(Lookup, layer)
          let full = true
          const apply: (typeof lookup)["apply"] = (...change) =>
            Effect.suspend(() =>
              full
                ? Effect.fail(new LookupUnavailable({ message: "database or disk is full", full: true }))
                : lookup.apply(...change)
            )
          const ids = Array.from({ length: 64 }, (_, i) => `e${i}`)
          const test = Effect.gen(function* () {
            for (const id of ids.slice(1)) yield* append(id)
            assert.isUndefined(yield* trouble)
            yield* append("e0")
            assert.include(yield* trouble, "full")
            const refused = yield* Effect.flip(append("e64"))
            assert.strictEqual(refused._tag, "IndexUnavailable")
            for (const id of ids) assert.isTrue(yield* isThere(id), id)
            assert.isFalse(yield* isThere("e64"))
            full = false
            assert.isUndefined(yield* trouble)
            yield* append("e64")
            assert.isTrue(yield* isThere("e64"))
            assert.strictEqual(yield* lookup.count, ids.length)
          })
          yield* open(ground, test, Layer.succeed(Lookup, { ...lookup, apply }))
        })
      )
    )
  )

  it.effect("starts anew with an index that was replaced, truncated or rewritten in place", () =>
    inScratch((ground) =>
      withLookup((lookup) =>
        Effect.gen(function* () {
          const path = ground.options.indexPath
          yield* open(ground, Effect.andThen(append("e1"), append("e2")), lookup)
          writeFileSync(`${path}.new`, `${line("e3")}${line("e2")}`)
          renameSync(`${path}.new`, path)
          assert.isFalse(yield* open(ground, isThere("e1"), lookup))
          assert.isTrue(yield* open(ground, isThere("e3"), lookup))
          writeFileSync(path, line("e3"))
          assert.isFalse(yield* open(ground, isThere("e2"), lookup))
          writeFileSync(path, line("e4"))
          assert.isFalse(yield* open(ground, isThere("e3"), lookup))
          assert.isTrue(yield* open(ground, isThere("e4"), lookup))
        })
      )
    )
  )

  it.effect("that is wrong ends the process and is emptied", () =>
    inScratch((ground) =>
      withLookup((layer) =>
        Effect.gen(function* () {
          yield* open(ground, Effect.andThen(append("e1"), append("e2")), layer)
          // What the lookup was not told of yet it is told of at the next start.
          yield* open(ground, Effect.void, layer)
          const lookup = yield* Effect.provide(Lookup, layer)
          const coverage = yield* lookup.coverage
          assert.isDefined(coverage)
          if (coverage === undefined) return
          yield* lookup.apply([{ ...nameOf("e1"), place: coverage.lastLine, stands: true }], coverage)
          const exit = yield* Effect.exit(open(ground, find("e1"), layer))
          assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
          assert.isTrue(yield* open(ground, isThere("e1"), layer))
        })
      )
    )
  )

  it.effect("reads a large index in pieces, lines across their borders included", () =>
    inScratch((ground) =>
      withLookup((layer) =>
        Effect.gen(function* () {
          const lookup = yield* Effect.provide(Lookup, layer)
          const ids = Array.from({ length: 12_000 }, (_, i) => `episode-${i}`)
          ground.putIndex(ids.map(line).join(""))
          assert.isAbove(readFileSync(ground.options.indexPath).length, 3 * 1024 * 1024)
          yield* open(
            ground,
            Effect.gen(function* () {
              for (const id of ids.filter((_, i) => i % 97 === 0)) assert.isTrue(yield* isThere(id))
              assert.strictEqual(yield* lookup.count, ids.length)
            }),
            layer
          )
        })
      )
    )
  )
})
