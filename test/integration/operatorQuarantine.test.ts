import * as fs from "node:fs/promises"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { EpisodeId } from "../../src/domain/names.ts"
import { discard, emptyTrash } from "../../src/shipper/discard.ts"
import { acknowledgeEntries, listQuarantine, purge } from "../../src/shipper/operator/quarantineEntries.ts"
import { requeue } from "../../src/shipper/operator/requeue.ts"
import { quarantine } from "../../src/shipper/quarantine.ts"
import { COMMIT, episode, put, tree } from "../support/dataRoot.ts"
import { BAD_NAMES, ID, link, NOTE, onDataRoot, quarantined, readJson } from "../support/operator.ts"

describe("quarantine", () => {
  const why = { reason: "refused", status_code: 418, error: "no", body: { a: 1 }, commit: COMMIT } as const

  onDataRoot("takes the next free name, and overwrites nothing, not even an empty directory", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), {})
      yield* put(paths.quarantine, { "E1~1": "a file" })
      yield* put(paths.episode("E1"), episode())
      expect(yield* quarantine(ID, why)).toBe("E1~2")
      expect(yield* readJson(`${paths.quarantined("E1~2")}/quarantine_reason.json`)).toMatchObject({
        ...why,
        episode_id: "E1"
      })
      expect(yield* Effect.promise(() => fs.readdir(paths.quarantined("E1")))).toEqual([])
      expect(yield* Effect.promise(() => fs.readdir(paths.episodes))).toEqual([])
    })
  )

  onDataRoot("replaces an older reason, and writes through no link", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.root, { precious: "untouched" })
      yield* put(paths.episode("E1"), episode())
      yield* link(`${paths.root}/precious`, `${paths.episode("E1")}/quarantine_reason.json`)
      yield* quarantine(ID, why)
      expect(yield* Effect.promise(() => fs.readFile(`${paths.root}/precious`, "utf8"))).toBe("untouched")
      expect(yield* readJson(`${paths.quarantined("E1")}/quarantine_reason.json`)).toMatchObject({ error: "no" })
    })
  )

  onDataRoot("keeps a recorder's directory that has the reason file's name", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("E1"), episode())
      yield* put(`${paths.episode("E1")}/quarantine_reason.json`, { data: "precious" })
      yield* quarantine(ID, why)
      expect(yield* tree(paths)).toContain("quarantine/E1/quarantine_reason.json~1/data")
      expect(yield* readJson(`${paths.quarantined("E1")}/quarantine_reason.json`)).toMatchObject({ error: "no" })
    })
  )

  onDataRoot("leaves nothing half-made in an episode, and says when it is gone or is no directory", (paths) =>
    Effect.gen(function* () {
      yield* put(`${paths.root}/elsewhere`, episode())
      yield* link(`${paths.root}/elsewhere`, paths.episode("E1"))
      expect((yield* Effect.flip(quarantine(ID, why))).reason._tag).toBe("NotFound")
      expect((yield* Effect.flip(quarantine(EpisodeId.make("E2"), why))).reason._tag).toBe("NotFound")
      expect(yield* Effect.promise(() => fs.readdir(`${paths.root}/elsewhere`))).toHaveLength(3)
      expect(yield* Effect.promise(() => fs.readdir(`${paths.state}/drafts`).catch(() => []))).toEqual([])
    })
  )
})

describe("requeue", () => {
  onDataRoot("brings an entry back under its id, without its reason and what was noted of it", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1~3"), quarantined())
      yield* put(paths.outbox, { "E1.conflict.json": NOTE })
      yield* put(`${paths.state}/tally`, { "E1.json": "{}" })
      yield* acknowledgeEntries(["E1~3"])
      expect(yield* requeue({ names: ["E1~3", "E1~3"] })).toEqual({
        done: [{ name: "E1~3", episode_id: "E1" }],
        failed: []
      })
      expect(yield* tree(paths)).toEqual(
        ["episodes/E1", "episodes/E1/done.marker", "episodes/E1/events.jsonl", "episodes/E1/meta.json"].toSorted()
      )
      const notes = [`${paths.state}/tally/E1.json`, `${paths.state}/acked/E1~3`]
      for (const note of notes) expect(yield* Effect.promise(() => fs.stat(note).catch(() => "gone"))).toBe("gone")
    })
  )

  onDataRoot("refuses a taken name, also one that is a file or a broken link, and touches nothing", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined())
      yield* put(paths.quarantined("E2"), quarantined())
      yield* put(paths.quarantined("E3"), quarantined())
      yield* put(paths.quarantined("E4"), quarantined())
      yield* put(paths.episode("E1"), {})
      yield* put(paths.episodes, { E2: "" })
      yield* link("nowhere", paths.episode("E3"))
      yield* put(paths.outbox, { "E1.conflict.json": NOTE })
      const before = yield* tree(paths)
      const report = yield* requeue({ names: ["E1", "E2", "E3"] })
      expect(report.done).toEqual([])
      expect(report.failed.map(({ name }) => name)).toEqual(["E1", "E2", "E3"])
      expect(yield* tree(paths)).toEqual(before)
      expect((yield* requeue({ reason: undefined })).done).toEqual([{ name: "E4", episode_id: "E4" }])
    })
  )

  onDataRoot("refuses names that are none, or of nothing, or of no directory", (paths) =>
    Effect.gen(function* () {
      yield* put(`${paths.root}/elsewhere`, episode())
      yield* link(`${paths.root}/elsewhere`, paths.quarantined("linked"))
      yield* put(paths.quarantine, { file: "" })
      const names = [...BAD_NAMES, "linked", "file", "nobody"]
      const before = yield* tree(paths)
      const report = yield* requeue({ names })
      expect(report.failed.map(({ name }) => name)).toEqual(names)
      expect(yield* tree(paths)).toEqual(before)
    })
  )

  onDataRoot("takes all of one reason; an entry whose reason cannot be read is of none", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined())
      yield* put(paths.quarantined("E2"), quarantined({ reason: "out_of_window" }))
      yield* put(paths.quarantined("E3"), { ...episode(), "quarantine_reason.json": "{torn" })
      expect(yield* requeue({ reason: "too_large" })).toEqual({ done: [{ name: "E1", episode_id: "E1" }], failed: [] })
      expect((yield* requeue({ reason: undefined })).done).toHaveLength(2)
      expect((yield* requeue({ reason: undefined })).done).toEqual([])
    })
  )
})

describe("quarantine list, ack, purge", () => {
  onDataRoot("lists what it can make out of every entry", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined({ quarantined_at_wall: "2999-01-01T00:00:00.000Z" }))
      yield* put(paths.quarantined("E2"), { ...episode(), "quarantine_reason.json": "{torn" })
      yield* put(paths.quarantined("E3"), episode())
      yield* put(paths.quarantine, { file: "12345" })
      const { done, failed } = yield* listQuarantine({ keepDays: 30 })
      expect(failed).toEqual([])
      expect(done.map(({ name, reason }) => [name, reason])).toEqual([
        ["E1", "too_large"],
        ["E2", null],
        ["E3", null],
        ["file", null]
      ])
      expect(done[0]).toMatchObject({
        episode_id: "E1",
        status_code: 413,
        quarantined_at: "2999-01-01T00:00:00.000Z",
        deleted_at: "2999-01-31T00:00:00.000Z",
        acked: false
      })
      expect(done[1]?.error).toContain("cannot be understood")
      expect(done[3]?.bytes).toBe(5)
      expect((yield* listQuarantine({ keepDays: 0 })).done.map((entry) => entry.deleted_at)).toEqual([
        null,
        null,
        null,
        null
      ])
    })
  )

  onDataRoot("counts an entry's age from the later of its reason and its mtime", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined())
      yield* Effect.promise(() => fs.utimes(paths.quarantined("E1"), 1e9, 1e9))
      const entry = () => Effect.map(listQuarantine({ keepDays: 1 }), ({ done }) => done[0])
      expect(yield* entry()).toMatchObject({ quarantined_at: "2025-01-02T03:04:05.000Z" })
      yield* Effect.promise(() => fs.utimes(paths.quarantined("E1"), 2e9, 2e9))
      expect(yield* entry()).toMatchObject({ quarantined_at: "2033-05-18T03:33:20.000Z" })
    })
  )

  onDataRoot("acknowledges an entry, not the next one of its name", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined())
      const report = yield* acknowledgeEntries(["E1", "E2", "../episodes", ""])
      expect(report.done).toEqual(["E1"])
      expect(report.failed.map(({ name }) => name)).toEqual(["E2", "../episodes", ""])
      const acked = () => Effect.map(listQuarantine({ keepDays: 1 }), ({ done }) => done[0]?.acked)
      expect(yield* acked()).toBe(true)
      expect((yield* acknowledgeEntries(["E1"])).failed).toEqual([])
      yield* put(paths.quarantined("E1"), quarantined({ quarantined_at_wall: "2999-01-01T00:00:00.000Z" }))
      expect(yield* acked()).toBe(false)
    })
  )

  onDataRoot("purges what is named, whatever it is, and nothing beyond quarantine/", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined())
      yield* put(`${paths.quarantined("E1")}/deep/er`, { file: "" })
      yield* put(paths.quarantined("E2"), quarantined())
      yield* put(paths.quarantine, { "no id": "" })
      yield* put(`${paths.root}/elsewhere`, episode())
      yield* link(`${paths.root}/elsewhere`, paths.quarantined("linked"))
      yield* put(paths.episode("E9"), episode())
      const bad = ["../episodes/E9", "..", ".", "", "E1/deep", "nobody"]
      const report = yield* purge(["E1", "no id", "linked", ...bad])
      expect(report.done).toEqual(["E1", "no id", "linked"])
      expect(report.failed.map(({ name }) => name)).toEqual(bad)
      for (const { name, error } of report.failed)
        expect(error).toContain(name === "nobody" ? "no " : "not the name of an")
      expect(yield* Effect.promise(() => fs.readdir(paths.quarantine))).toEqual(["E2"])
      expect(yield* Effect.promise(() => fs.readdir(`${paths.root}/elsewhere`))).toHaveLength(3)
      expect(yield* Effect.promise(() => fs.readdir(paths.episode("E9")))).toHaveLength(3)
      expect(yield* Effect.promise(() => fs.readdir(`${paths.state}/trash`))).toEqual([])
    })
  )

  onDataRoot("deletes beside what an earlier crash left in the trash, and the trash is emptied", (paths) =>
    Effect.gen(function* () {
      yield* emptyTrash
      yield* put(`${paths.state}/trash/E1`, episode())
      yield* put(paths.quarantined("E1"), quarantined())
      yield* discard(paths.quarantined("E1"), "E1")
      expect(yield* Effect.promise(() => fs.readdir(`${paths.state}/trash`))).toEqual(["E1"])
      yield* emptyTrash
      expect(yield* Effect.promise(() => fs.readdir(`${paths.state}/trash`))).toEqual([])
    })
  )
})
