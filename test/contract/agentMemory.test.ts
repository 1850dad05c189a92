import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { layerSqlite } from "../../layers/AppliedTopology.ts"
import {
  AppliedTopologies,
  AppliedTopology,
  type Beginning,
  nothingRemembered
} from "../../src/services/AppliedTopology.ts"
import { TWO_LANS } from "../support/topology.ts"

const BEGINNING: Beginning = {
  topologyId: "t1",
  hydratedJson: JSON.stringify(TWO_LANS),
  generation: 5,
  at: 1_800_000_000,
  lastError: "applying"
}
const APPLYING = {
  topology_id: "t1",
  applied_version_hash: "",
  applied_at: 1_800_000_000,
  last_error: "applying",
  generation: 5
}
const SETTLED = { versionHash: "ab", lastError: null, at: 1_800_000_001 }
const APPLIED = { ...APPLYING, applied_version_hash: "ab", last_error: null, applied_at: 1_800_000_001 }

const makePlace = () => {
  const directory = fs.mkdtempSync(join(tmpdir(), "cis490-memory-"))
  const file = join(directory, "topology.db")
  const ask = <A, E>(question: (memory: AppliedTopology["Service"]) => Effect.Effect<A, E>) =>
    Effect.runPromise(
      AppliedTopology.pipe(
        Effect.flatMap(question),
        Effect.result,
        Effect.provide(
          AppliedTopologies.pipe(
            Effect.map((memories) => memories.in(directory)),
            Effect.provide(layerSqlite),
            Effect.runSync
          )
        )
      )
    )
  const must = async <A, E>(question: (memory: AppliedTopology["Service"]) => Effect.Effect<A, E>): Promise<A> =>
    Result.getOrThrow(await ask(question))
  return {
    directory,
    file,
    ask,
    must,
    read: () => must((memory) => memory.read),
    /** Everything in the directory, with what a touch would change. */
    looks: () =>
      fs
        .readdirSync(directory)
        .toSorted()
        .map((name) => {
          const { ino, mtimeNs, size } = fs.statSync(join(directory, name), { bigint: true })
          return [name, ino, mtimeNs, size, fs.readFileSync(join(directory, name)).toString("base64")] as const
        }),
    [Symbol.dispose]: () => fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** Another process that has it open, and is killed in the middle of a transaction that has reached the file. */
const KILLED = `
  const { DatabaseSync } = require("node:sqlite")
  const database = new DatabaseSync(process.argv[1])
  database.exec("PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM applied_topology; UPDATE generation SET highest = 99")
  database.exec("CREATE TABLE spill (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO spill SELECT hex(randomblob(200)) FROM n")
  process.kill(process.pid, "SIGKILL")
`

describe("the memory of the agent", () => {
  it("has nothing, and makes nothing, before the first order", async () => {
    using place = makePlace()
    expect(await place.read()).toEqual(nothingRemembered)
    expect(await place.must((memory) => memory.expected)).toBeUndefined()
    expect(place.looks()).toEqual([])
  })

  it("keeps one row with the columns that were agreed upon, and what came of it", async () => {
    using place = makePlace()
    await place.must((memory) => memory.begin({ ...BEGINNING, topologyId: "t0", generation: 3 }))
    await place.must((memory) => memory.begin(BEGINNING))
    expect(await place.read()).toEqual(APPLYING)
    await place.must((memory) => memory.settle(SETTLED))
    expect(await place.read()).toEqual(APPLIED)
    expect(await place.must((memory) => memory.expected)).toEqual({
      bridges: ["decnet-topology-t1-dmz", "decnet-topology-t1-inner"],
      containers: ["decnet-topology-t1-web", "decnet-topology-t1-db"]
    })
    using database = new DatabaseSync(place.file, { readOnly: true })
    expect(
      database
        .prepare("SELECT * FROM applied_topology")
        .all()
        .map((row) => ({ ...row }))
    ).toEqual([
      {
        topology_id: "t1",
        applied_version_hash: "ab",
        hydrated_blob_json: BEGINNING.hydratedJson,
        applied_at: 1_800_000_001,
        last_error: null
      }
    ])
    expect(database.prepare("SELECT name FROM pragma_table_info('applied_topology') WHERE pk = 1").get()).toMatchObject(
      {
        name: "topology_id"
      }
    )
  })

  it("keeps the highest generation beyond a teardown", async () => {
    using place = makePlace()
    await place.must((memory) => memory.begin(BEGINNING))
    await place.must((memory) => memory.raise(4))
    await place.must((memory) => memory.raise(7))
    await place.must((memory) => memory.begin({ ...BEGINNING, generation: 6 }))
    await place.must((memory) => memory.forget)
    expect(await place.read()).toEqual({ ...nothingRemembered, generation: 7 })
  })

  it("takes back what was begun, and keeps the generation that was shown", async () => {
    using place = makePlace()
    const first = await place.must((memory) => memory.begin(BEGINNING))
    await place.must(() => first.takeBack)
    expect(await place.read()).toEqual({ ...nothingRemembered, generation: 5 })
    await place.must((memory) => memory.begin(BEGINNING))
    await place.must((memory) => memory.settle(SETTLED))
    const second = await place.must((memory) =>
      memory.begin({ ...BEGINNING, topologyId: "t2", hydratedJson: "{}", generation: 9 })
    )
    await place.must(() => second.takeBack)
    expect(await place.read()).toEqual({ ...APPLIED, generation: 9 })
    expect((await place.must((memory) => memory.expected))?.bridges.length).toBe(2)
  })

  it("is not changed by reading it, and has nothing lying beside it", async () => {
    using place = makePlace()
    await place.must((memory) => memory.begin(BEGINNING))
    await place.must((memory) => memory.settle(SETTLED))
    const before = place.looks()
    expect(before.map(([name]) => name)).toEqual(["topology.db"])
    const readers = Array.from({ length: 20 }, async () => {
      await place.read()
      await place.must((memory) => memory.expected)
      await place.must((memory) => memory.raise(5))
    })
    await Promise.all(readers)
    expect(place.looks()).toEqual(before)
  })

  it("is read as it was before an order that was cut off, and is not mended by reading", async () => {
    using place = makePlace()
    await place.must((memory) => memory.begin(BEGINNING))
    await place.must((memory) => memory.settle(SETTLED))
    expect(() => execFileSync(process.execPath, ["-e", KILLED, place.file], { stdio: "ignore" })).toThrow()
    const before = place.looks()
    expect(before.map(([name]) => name)).toEqual(["topology.db", "topology.db-journal"])
    expect(await place.read()).toEqual(APPLIED)
    expect(place.looks()).toEqual(before)
    await place.must((memory) => memory.begin({ ...BEGINNING, generation: 6 }))
    expect(await place.read()).toEqual({ ...APPLYING, generation: 6 })
    expect(place.looks().map(([name]) => name)).toEqual(["topology.db"])
  })

  it.each([
    ["no database", (file: string) => fs.writeFileSync(file, "x".repeat(5000))],
    ["a directory", (file: string) => fs.mkdirSync(file)]
  ])("says so when there is %s in its place", async (_, make) => {
    using place = makePlace()
    make(place.file)
    const troubles = await place.must((memory) =>
      Effect.all([Effect.flip(memory.read), Effect.flip(memory.begin(BEGINNING)), Effect.flip(memory.forget)])
    )
    for (const trouble of troubles) {
      expect(trouble._tag).toBe("MemoryTrouble")
      expect(trouble.message).toContain(place.file)
    }
  })

  it("says so where it cannot be told whether there is one", async () => {
    using place = makePlace()
    fs.symlinkSync(place.file, place.file)
    const trouble = await place.must((memory) => Effect.flip(memory.read))
    expect(trouble.message).toContain("ELOOP")
  })

  it("reads and keeps the table that was agreed upon, made by somebody else in an order of their own", async () => {
    using place = makePlace()
    const theirs = new DatabaseSync(place.file)
    theirs.exec(
      "CREATE TABLE applied_topology (last_error TEXT, applied_at INTEGER, hydrated_blob_json TEXT, applied_version_hash TEXT, topology_id TEXT PRIMARY KEY)"
    )
    theirs.prepare("INSERT INTO applied_topology VALUES (NULL, 1800000001, ?, 'ab', 't1')").run(BEGINNING.hydratedJson)
    theirs.close()
    expect(await place.read()).toEqual({ ...APPLIED, generation: 0 })
    expect((await place.must((memory) => memory.expected))?.bridges.length).toBe(2)
    const { takeBack } = await place.must((memory) => memory.begin({ ...BEGINNING, topologyId: "t2" }))
    expect(await place.read()).toEqual({ ...APPLYING, topology_id: "t2" })
    await place.must(() => takeBack)
    expect(await place.read()).toEqual(APPLIED)
  })

  it("is a file of ours alone that holds nothing when it was made by somebody else", async () => {
    using place = makePlace()
    fs.writeFileSync(place.file, "")
    expect(await place.read()).toEqual(nothingRemembered)
    await place.must((memory) => memory.begin(BEGINNING))
    expect(await place.read()).toEqual(APPLYING)
  })
})
