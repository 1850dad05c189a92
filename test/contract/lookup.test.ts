import { writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { layerLookup, layerMemory, layerTemporary } from "../../layers/Lookup.ts"
import { EpisodeId, HostId } from "../../src/domain/names.ts"
import { type Change, type Coverage, Lookup, type LookupUnavailable } from "../../src/services/Lookup.ts"
import { scratchDirectory } from "../support/scratch.ts"

const host = (id: string): HostId => HostId.make(id)
const episode = (id: string): EpisodeId => EpisodeId.make(id)

const put = (hostId: string, episodeId: string, offset: number): Change => ({
  hostId: host(hostId),
  episodeId: episode(episodeId),
  place: { offset, length: 10 },
  stands: true
})
const withdraw = (hostId: string, episodeId: string, offset = 0): Change => ({
  ...put(hostId, episodeId, offset),
  stands: false
})
const standsAt = (offset: number) => ({ offset, length: 10, stands: true })
const withdrawnAt = (offset: number) => ({ offset, length: 10, stands: false })
const upTo = (bytes: number): Coverage => ({
  bytes,
  inode: "7",
  lastLine: { offset: bytes - 3, length: 2, text: "{}" }
})

/** What every lookup keeps to. */
const contract = (
  title: string,
  withLookup: <A>(effect: Effect.Effect<A, LookupUnavailable, Lookup>) => Effect.Effect<A>
) =>
  describe(title, () => {
    it.effect("is empty at first", () =>
      withLookup(
        Effect.gen(function* () {
          const lookup = yield* Lookup
          assert.isUndefined(yield* lookup.coverage)
          assert.isUndefined(yield* lookup.find(host("a"), episode("1")))
          assert.strictEqual(yield* lookup.count, 0)
          assert.deepStrictEqual(yield* lookup.page(undefined, 10), [])
        })
      )
    )

    it.effect("lets the later change win, within one application and across", () =>
      withLookup(
        Effect.gen(function* () {
          const lookup = yield* Lookup
          yield* lookup.apply([put("a", "1", 0), put("a", "1", 11), put("b", "1", 22)], upTo(33))
          assert.deepStrictEqual(yield* lookup.find(host("a"), episode("1")), standsAt(11))
          yield* lookup.apply([withdraw("a", "1", 33), withdraw("never", "there"), put("b", "1", 44)], upTo(55))
          assert.deepStrictEqual(yield* lookup.find(host("a"), episode("1")), withdrawnAt(33))
          assert.deepStrictEqual(yield* lookup.find(host("b"), episode("1")), standsAt(44))
          assert.strictEqual(yield* lookup.count, 1)
          assert.deepStrictEqual(yield* lookup.page(undefined, 10), [
            { hostId: host("b"), episodeId: episode("1"), offset: 44, length: 10 }
          ])
          assert.deepStrictEqual(yield* lookup.coverage, upTo(55))
        })
      )
    )

    it.effect("keeps names apart by every letter of both parts", () =>
      withLookup(
        Effect.gen(function* () {
          const lookup = yield* Lookup
          yield* lookup.apply([put("a", "B", 0), put("A", "b", 11), put("aB", "c", 22)], upTo(33))
          assert.strictEqual((yield* lookup.find(host("a"), episode("B")))?.offset, 0)
          assert.isUndefined(yield* lookup.find(host("a"), episode("b")))
          assert.isUndefined(yield* lookup.find(host("a"), episode("Bc")))
        })
      )
    )

    it.effect("pages through everything once, in byte order", () =>
      withLookup(
        Effect.gen(function* () {
          const lookup = yield* Lookup
          const names = ["b/1", "a/2", "a/10", "B/9", "a.b/1", "a-b/1"]
          yield* lookup.apply(
            names.map((name, i) => put(name.split("/")[0] ?? "", name.split("/")[1] ?? "", i)),
            upTo(99)
          )
          const seen: Array<string> = []
          for (
            let page = yield* lookup.page(undefined, 2);
            page.length > 0;
            page = yield* lookup.page(page.at(-1), 2)
          ) {
            seen.push(...page.map(({ hostId, episodeId }) => `${hostId}/${episodeId}`))
          }
          assert.deepStrictEqual(seen, ["B/9", "a/10", "a/2", "a-b/1", "a.b/1", "b/1"])
        })
      )
    )

    it.effect("forgets everything when it is cleared", () =>
      withLookup(
        Effect.gen(function* () {
          const lookup = yield* Lookup
          yield* lookup.apply([put("a", "1", 0)], upTo(11))
          yield* lookup.clear
          yield* lookup.settle
          assert.isUndefined(yield* lookup.coverage)
          assert.strictEqual(yield* lookup.count, 0)
        })
      )
    )

    it.effect("is built anew from many changes, of which the last of a name wins", () =>
      withLookup(
        Effect.gen(function* () {
          const lookup = yield* Lookup
          for (const _ of ["once", "and again"]) {
            yield* lookup.apply([put("gone", "1", 0)], upTo(11))
            yield* lookup.clear
            yield* lookup.apply([put("b", "1", 0), put("a", "1", 11), put("a", "2", 22), withdraw("c", "1")], upTo(44))
            yield* lookup.apply(
              [put("c", "1", 44), withdraw("a", "1", 55), put("b", "1", 66), withdraw("a", "2")],
              upTo(88)
            )
            yield* lookup.apply([put("a", "2", 88)], upTo(99))
            yield* lookup.settle
            yield* lookup.settle
            const entries = yield* lookup.page(undefined, 10)
            assert.deepStrictEqual(
              entries.map(({ hostId, episodeId, offset }) => `${hostId}/${episodeId} ${offset}`),
              ["a/2 88", "b/1 66", "c/1 44"]
            )
            assert.deepStrictEqual(yield* lookup.find(host("a"), episode("1")), withdrawnAt(55))
            assert.isUndefined(yield* lookup.find(host("gone"), episode("1")))
            assert.deepStrictEqual(yield* lookup.coverage, upTo(99))
            yield* lookup.apply([withdraw("b", "1")], upTo(110))
            assert.strictEqual(yield* lookup.count, 2)
          }
        })
      )
    )
  })

const provided =
  (layer: Layer.Layer<Lookup>) =>
  <A>(effect: Effect.Effect<A, LookupUnavailable, Lookup>): Effect.Effect<A> =>
    Effect.orDie(Effect.provide(effect, layer, { local: true }))

contract("memory", provided(layerMemory))
contract("temporary", provided(layerTemporary))
contract("SQLite beside the index", (effect) =>
  Effect.scoped(Effect.flatMap(scratchDirectory, (root) => provided(layerLookup(`${root}/index.jsonl`))(effect)))
)

describe("SQLite beside the index, across lives", () => {
  const lives = (between: (database: string) => void) =>
    Effect.scoped(
      Effect.gen(function* () {
        const index = `${yield* scratchDirectory}/index.jsonl`
        const life = provided(layerLookup(index))
        yield* life(Effect.flatMap(Lookup, (lookup) => lookup.apply([put("a", "1", 5)], upTo(16))))
        between(`${index}.lookup`)
        return yield* life(
          Effect.flatMap(Lookup, (lookup) => Effect.all([lookup.coverage, lookup.find(host("a"), episode("1"))]))
        )
      })
    )

  it.effect("remembers", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lives(() => undefined), [upTo(16), standsAt(5)])
    })
  )

  it.effect("starts empty when the file is no database", () =>
    Effect.gen(function* () {
      const seen = yield* lives((database) =>
        writeFileSync(database, "this is no database, however long it may be\n".repeat(200))
      )
      assert.deepStrictEqual(seen, [undefined, undefined])
    })
  )

  it.effect(
    "of somebody else is left alone, and said to be held",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const index = `${yield* scratchDirectory}/index.jsonl`
          const holder = new DatabaseSync(`${index}.lookup`)
          holder.exec("CREATE TABLE theirs (a TEXT) STRICT")
          holder.exec("BEGIN EXCLUSIVE")
          const error = yield* Effect.flip(
            Effect.provide(
              Effect.flatMap(Lookup, (lookup) => lookup.coverage),
              layerLookup(index)
            )
          )
          assert.include(error.message, "locked")
          holder.exec("COMMIT; INSERT INTO theirs VALUES ('kept')")
          holder.close()
          const left = new DatabaseSync(`${index}.lookup`)
          assert.deepStrictEqual({ ...left.prepare("SELECT a FROM theirs").get() }, { a: "kept" })
          left.close()
        })
      ),
    20_000
  )

  it.effect("starts empty when pages of it are damaged", () =>
    Effect.gen(function* () {
      const seen = yield* lives((database) => writeFileSync(database, new Uint8Array(4096).fill(0xab), { flag: "r+" }))
      assert.deepStrictEqual(seen, [undefined, undefined])
    })
  )

  it.effect("starts empty when the tables are of another version", () =>
    Effect.gen(function* () {
      const seen = yield* lives((database) => {
        const other = new DatabaseSync(database)
        other.exec("PRAGMA user_version = 999")
        other.close()
      })
      assert.deepStrictEqual(seen, [undefined, undefined])
    })
  )

  it.effect("starts empty when its building was not settled", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const life = provided(layerLookup(`${yield* scratchDirectory}/index.jsonl`))
        yield* life(
          Effect.gen(function* () {
            const lookup = yield* Lookup
            yield* lookup.apply([put("a", "1", 5)], upTo(16))
            yield* lookup.clear
            yield* lookup.apply([put("a", "1", 5)], upTo(16))
          })
        )
        yield* life(
          Effect.gen(function* () {
            const lookup = yield* Lookup
            assert.isUndefined(yield* lookup.coverage)
            assert.strictEqual(yield* lookup.count, 0)
          })
        )
      })
    )
  )
})
