import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { layerVolume } from "../../layers/Volume.ts"
import type { IndexRow } from "../../src/domain/row.ts"
import { backfill } from "../../src/receiver/backfill.ts"
import { Dataset } from "../../src/receiver/Dataset.ts"
import { holdStore } from "../../src/receiver/holdStore.ts"
import { LockHeld } from "../../src/services/Volume.ts"
import { type Ground, makeGround, makeTarball, nameOf, rowFor } from "../support/dataset.ts"
import { errno } from "../support/faultyFiles.ts"
import { scratchDirectory } from "../support/scratch.ts"

const name = nameOf("e1")
const ours = makeTarball("e1", "ours\n")
const again = makeTarball("e1", "ours\n", 4)
const PART = "lab-1~e1~r1.part"

const inScratch = <A, E>(test: (ground: Ground) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(scratchDirectory, (root) => test(makeGround(root))))

const standing = Effect.flatMap(Dataset, (dataset) => dataset.standing(name.hostId, name.episodeId))
const line = (row: object) => `${JSON.stringify(row)}\n`
const putLinked = (ground: Ground, bytes: string | Uint8Array) => {
  ground.putStored(name, bytes)
  mkdirSync(ground.options.incomingRoot, { recursive: true })
  linkSync(ground.storedPath(name), `${ground.options.incomingRoot}/${PART}`)
}
const incoming = (ground: Ground) => readdirSync(ground.options.incomingRoot)

/** What a crash leaves at each step of the order, and what the next start makes of it. */
const crashes: Record<
  string,
  { readonly before: (ground: Ground) => void; readonly standing: "Absent" | "Present"; readonly rows: number }
> = {
  "while the body comes in": {
    before: (ground) => ground.putIncoming(PART, ours.tarball.subarray(0, 9)),
    standing: "Absent",
    rows: 0
  },
  "after the body is synced": {
    before: (ground) => ground.putIncoming(PART, ours.tarball),
    standing: "Absent",
    rows: 0
  },
  "after the link": {
    before: (ground) => putLinked(ground, ours.tarball),
    standing: "Present",
    rows: 1
  },
  "in the middle of the row": {
    before: (ground) => {
      putLinked(ground, ours.tarball)
      ground.putIndex(line(rowFor(name, ours)).slice(0, 50))
    },
    standing: "Present",
    rows: 1
  },
  "after the row": {
    before: (ground) => {
      putLinked(ground, ours.tarball)
      ground.putIndex(line(rowFor(name, ours)))
    },
    standing: "Present",
    rows: 1
  },
  "after a lost copy came back in another compression": {
    before: (ground) => {
      putLinked(ground, again.tarball)
      ground.putIndex(line(rowFor(name, ours)))
    },
    standing: "Present",
    rows: 2
  },
  "with a second upload of the name under way": {
    before: (ground) => {
      putLinked(ground, ours.tarball)
      ground.putIncoming("lab-1~e1~r2.part", again.tarball)
    },
    standing: "Present",
    rows: 1
  }
}

describe("a crash", () => {
  for (const [when, crash] of Object.entries(crashes)) {
    it.effect(when, () =>
      inScratch((ground) =>
        Effect.gen(function* () {
          crash.before(ground)
          for (const _ of ["the next start", "the one after it"]) {
            assert.strictEqual((yield* ground.life(standing))._tag, crash.standing)
            assert.deepStrictEqual(incoming(ground), [])
            assert.strictEqual(ground.rows().length, crash.rows)
          }
        })
      )
    )
  }

  it.effect("of a disk that cannot take the row now leaves the name for the next start", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        putLinked(ground, ours.tarball)
        ground.files.control.fault = (operation, path) =>
          operation === "writeAll" && path.endsWith("index.jsonl") ? errno("ENOSPC", path) : undefined
        assert.strictEqual((yield* ground.life(standing))._tag, "Unindexed")
        assert.deepStrictEqual(incoming(ground), [PART])
        ground.files.control.fault = () => undefined
        assert.strictEqual((yield* ground.life(standing))._tag, "Present")
        assert.deepStrictEqual(incoming(ground), [])
      })
    )
  )

  it.effect("makes the file durable before its row", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        putLinked(ground, ours.tarball)
        yield* ground.life(standing)
        const { calls } = ground.files.control
        const row = calls.indexOf(`writeAll ${ground.options.indexPath}`)
        const at = (path: string) =>
          calls.indexOf(`sync ${path}`, calls.indexOf(`read ${ground.options.incomingRoot}/${PART}`))
        for (const path of [ground.storedPath(name), `${ground.options.storeRoot}/lab-1`, ground.options.storeRoot]) {
          assert.isTrue(at(path) >= 0 && at(path) < row, path)
        }
      })
    )
  )
})

describe("a file that cannot be read", () => {
  const unreadable = (ground: Ground, code: string, episodeIds: ReadonlyArray<string>) => {
    ground.files.control.fault = (operation, path) =>
      operation === "read" && episodeIds.some((id) => path.includes(id)) ? errno(code, path) : undefined
  }
  /** What is logged as an error, with what it is about. */
  const errorsOf = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const errors: Array<string> = []
      const logger = Logger.make(({ fiber, logLevel, message }) => {
        const { path } = fiber.getRef(References.CurrentLogAnnotations)
        if (logLevel === "Error") errors.push(`${String(path)}: ${String(message)}`)
      })
      return Effect.as(Effect.provide(effect, Logger.layer([logger])), errors)
    })

  for (const code of ["EIO", "EACCES"]) {
    it.effect(`in the store does not hold up the others after a torn index (${code})`, () =>
      inScratch((ground) =>
        Effect.gen(function* () {
          ground.putStored(nameOf("e0"), makeTarball("e0", "zero\n").tarball)
          ground.putStored(name, ours.tarball)
          ground.putIndex(`{"schema_version":1`)
          unreadable(ground, code, ["e0"])
          const errors = yield* errorsOf(
            ground.life(Effect.map(standing, ({ _tag }) => assert.strictEqual(_tag, "Present")))
          )
          assert.strictEqual(errors.length, 1)
          assert.include(errors[0], ground.storedPath(nameOf("e0")))
          assert.include(errors[0], "cis490-receiver backfill")
          const report = yield* ground.hold(backfill(ground.options))
          assert.deepStrictEqual(report, { scanned: 2, added: 0, completed: 0, unsound: 1 })
          unreadable(ground, code, [])
          assert.strictEqual((yield* ground.hold(backfill(ground.options))).added, 1)
        })
      )
    )
  }

  it.effect("and has a name in incoming/ keeps it, and the next one is finished", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const zero = nameOf("e0")
        ground.putStored(zero, makeTarball("e0", "zero\n").tarball)
        mkdirSync(ground.options.incomingRoot, { recursive: true })
        linkSync(ground.storedPath(zero), `${ground.options.incomingRoot}/lab-1~e0~r0.part`)
        putLinked(ground, ours.tarball)
        unreadable(ground, "EIO", ["e0"])
        const errors = yield* errorsOf(
          ground.life(Effect.map(standing, ({ _tag }) => assert.strictEqual(_tag, "Present")))
        )
        assert.include(errors[0], "lab-1~e0~r0.part")
        assert.include(errors[0], "cis490-receiver verify")
        assert.deepStrictEqual(incoming(ground), ["lab-1~e0~r0.part"])
        unreadable(ground, "EIO", [])
        yield* ground.life(standing)
        assert.deepStrictEqual(incoming(ground), [])
        assert.strictEqual(ground.rows().length, 2)
      })
    )
  )
})

describe("what is found", () => {
  it.effect("in incoming/ and is not ours stays", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const strange = ["notes.txt", "lab-1~e1.part", "a b~e1~r.part", "lab-1~e1~r~s.part", "uploads"]
        for (const entry of strange.slice(0, -1)) ground.putIncoming(entry, "mine")
        mkdirSync(`${ground.options.incomingRoot}/uploads`)
        writeFileSync(`${ground.options.incomingRoot}/uploads/half`, "mine")
        yield* ground.life(standing)
        assert.sameMembers(incoming(ground), strange)
        assert.isTrue(existsSync(`${ground.options.incomingRoot}/uploads/half`))
      })
    )
  )

  it.effect("stored without a row counts after a torn index, and only then", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, ours.tarball)
        assert.strictEqual((yield* ground.life(standing))._tag, "Unindexed")
        ground.putIndex(`{"schema_version":1`)
        assert.strictEqual((yield* ground.life(standing))._tag, "Present")
        assert.isFalse(existsSync(`${ground.options.indexPath}.torn`))
      })
    )
  )

  it.effect(
    "stored without a row after a torn index waits where the index has no room, and keeps no receiver from starting",
    () =>
      inScratch((ground) =>
        Effect.gen(function* () {
          ground.putStored(name, ours.tarball)
          ground.putIndex(`{"schema_version":1`)
          ground.files.control.fault = (operation, path) =>
            operation === "writeAll" && path.endsWith("index.jsonl") ? errno("ENOSPC", path) : undefined
          assert.strictEqual((yield* ground.life(standing))._tag, "Unindexed")
          assert.isTrue(existsSync(`${ground.options.indexPath}.torn`))
          ground.files.control.fault = () => undefined
          assert.strictEqual((yield* ground.life(standing))._tag, "Present")
          assert.isFalse(existsSync(`${ground.options.indexPath}.torn`))
        })
      )
  )
})

describe("the store", () => {
  it.live("has one writer: the second names the first and touches nothing", () =>
    inScratch((ground) =>
      ground.life(
        Effect.gen(function* () {
          ground.putIncoming(PART, ours.tarball)
          const error = yield* Effect.flip(ground.life(standing))
          assert.isTrue(error instanceof LockHeld && error.pid === process.pid)
          assert.deepStrictEqual(incoming(ground), [PART])
        })
      )
    )
  )

  const hold = (ground: Ground, files: Layer.Layer<FileSystem.FileSystem> = ground.files.layer) =>
    Effect.scoped(holdStore(ground.options)).pipe(Effect.provide(Layer.merge(layerVolume, files)))

  it.effect("leaves no trace of its proof", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putIncoming(".probe")
        yield* hold(ground)
        assert.deepStrictEqual(incoming(ground), [])
        assert.deepStrictEqual(readdirSync(ground.options.storeRoot), [".lock"])
      })
    )
  )

  it.effect("is unfit without hard links between the two", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.files.control.fault = (operation, path) => (operation === "link" ? errno("EXDEV", path) : undefined)
        const error = yield* Effect.flip(hold(ground))
        assert.strictEqual(error._tag, "UnfitStorage")
        assert.include(error.message, "one filesystem")
        assert.include(error.message, ground.options.incomingRoot)
      })
    )
  )

  it.effect("is unfit without directory sync", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.files.control.fault = (operation, path) => (operation === "sync" ? errno("EINVAL", path) : undefined)
        for (const _ of ["directories that are new", "directories that are there"]) {
          const error = yield* Effect.flip(hold(ground))
          assert.strictEqual(error._tag, "UnfitStorage")
          assert.include(error.message, "directory sync")
        }
      })
    )
  )

  it.effect("is unfit where upper and lower case are one", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const folding = Layer.effect(
          FileSystem.FileSystem,
          Effect.map(FileSystem.FileSystem, (fs) =>
            FileSystem.FileSystem.of({ ...fs, exists: (path) => fs.exists(path.replace("/.PROBE", "/.probe")) })
          )
        ).pipe(Layer.provide(ground.files.layer))
        const error = yield* Effect.flip(hold(ground, folding))
        assert.strictEqual(error._tag, "UnfitStorage")
        assert.include(error.message, "case")
      })
    )
  )
})

const withoutTime = (row: IndexRow): IndexRow => {
  const { received_at: _, ...rest } = row
  return rest
}

describe("backfill", () => {
  const { content_sha256: _, commit: __, schema_version: ___, ...older } = rowFor(name, ours)

  it.effect("adds what has no row, completes what has an older one, counts what is not sound, and is done then", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const fresh = makeTarball("e2", "two\n")
        const done = makeTarball("e4", "four\n")
        ground.putStored(name, ours.tarball)
        ground.putStored(nameOf("e2", "lab-2"), fresh.tarball)
        ground.putStored(nameOf("e3"), "rubbish")
        ground.putStored(nameOf("e4"), done.tarball)
        writeFileSync(`${ground.options.storeRoot}/lab-1/notes.txt`, "not an episode")
        const before = line(older) + line(rowFor(nameOf("e4"), done))
        ground.putIndex(before)

        const progress: Array<number> = []
        const report = yield* ground.hold(
          backfill(ground.options, ({ scanned }) => Effect.sync(() => progress.push(scanned)))
        )
        assert.deepStrictEqual(report, { scanned: 4, added: 1, completed: 1, unsound: 1 })
        assert.deepStrictEqual(progress, [1, 2, 3, 4])
        assert.isTrue(ground.index().startsWith(before))
        const added = ground.rows().slice(2)
        assert.sameDeepMembers(
          added.map(withoutTime),
          [rowFor(name, ours), rowFor(nameOf("e2", "lab-2"), fresh)].map(withoutTime)
        )
        assert.strictEqual(added.find((row) => row.episode_id === name.episodeId)?.received_at, older.received_at)

        const index = ground.index()
        assert.deepStrictEqual(yield* ground.hold(backfill(ground.options)), {
          scanned: 4,
          added: 0,
          completed: 0,
          unsound: 1
        })
        assert.strictEqual(ground.index(), index)
      })
    )
  )

  it.effect("does not complete a row from a file that is not what was accepted", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, makeTarball("e1", "other\n").tarball)
        ground.putIndex(line(older))
        const report = yield* ground.hold(backfill(ground.options))
        assert.deepStrictEqual(report, { scanned: 1, added: 0, completed: 0, unsound: 1 })
        assert.strictEqual(readFileSync(ground.options.indexPath, "utf8"), line(older))
      })
    )
  )
})
