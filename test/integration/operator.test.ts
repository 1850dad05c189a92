import * as fs from "node:fs/promises"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { EpisodeId } from "../../src/domain/names.ts"
import { Volume } from "../../src/services/Volume.ts"
import { discard, emptyTrash } from "../../src/shipper/discard.ts"
import { readCommit } from "../../src/shipper/episodeCommit.ts"
import { noteSuccess, noteTrouble } from "../../src/shipper/lastWords.ts"
import { Layout, type Paths } from "../../src/shipper/layout.ts"
import { drain } from "../../src/shipper/operator/drain.ts"
import { acknowledgeEntries, listQuarantine, purge } from "../../src/shipper/operator/quarantineList.ts"
import { requeue } from "../../src/shipper/operator/requeue.ts"
import { reship } from "../../src/shipper/operator/reship.ts"
import { keepStored, renameTo } from "../../src/shipper/operator/resolve.ts"
import { retry } from "../../src/shipper/operator/retry.ts"
import { status } from "../../src/shipper/operator/status.ts"
import { quarantine } from "../../src/shipper/quarantine.ts"
import { COMMIT, episode, layerDataRoot, META, put, tree } from "../support/dataRoot.ts"

/** Runs on a data root of its own. */
const onDataRoot = <A, E>(
  name: string,
  test: (paths: Paths) => Effect.Effect<A, E, FileSystem.FileSystem | Layout | Volume>
) => it.live(name, () => Effect.flatMap(Layout, test).pipe(Effect.provide(layerDataRoot)))

const readJson = (path: string) => Effect.promise(async () => JSON.parse(await fs.readFile(path, "utf8")))
const link = (target: string, path: string) => Effect.promise(() => fs.symlink(target, path))
const UNSTAMPED = episode("{}")
const ID = EpisodeId.make("E1")

const reason = (over: Record<string, unknown> = {}) =>
  JSON.stringify({
    reason: "too_large",
    episode_id: "E1",
    status_code: 413,
    error: "the episode is too large",
    body: null,
    commit: COMMIT,
    quarantined_at_wall: "2025-01-02T03:04:05.000Z",
    ...over
  })
const quarantined = (over?: Record<string, unknown>) => ({ ...episode(), "quarantine_reason.json": reason(over) })

const NOTE = JSON.stringify({
  episode_id: "E1",
  stored_sha256: "a".repeat(64),
  your_sha256: "b".repeat(64),
  content_sha256: "c".repeat(64),
  error: "other content is stored under this id",
  remediation: null,
  noted_at: "2025-01-02T03:04:05.000Z"
})
const receipt = (shippedAt: string) =>
  JSON.stringify({
    status: "stored",
    host_id: "lab1",
    episode_id: "E1",
    sha256: "a".repeat(64),
    bytes: 1,
    content_sha256: "b".repeat(64),
    shipped_at: shippedAt
  })

const BAD_NAMES = ["../episodes/E9", "a/b", "..", ".", "", "/etc", "E1~1~2", "-x", "E\n1"]

describe("readCommit", () => {
  onDataRoot("reads the commit, and takes everything else for no commit", (paths) =>
    Effect.gen(function* () {
      const commitOf = (files: Record<string, string>) =>
        Effect.gen(function* () {
          yield* Effect.promise(() => fs.rm(paths.episode("E1"), { recursive: true, force: true }))
          yield* put(paths.episode("E1"), files)
          return yield* readCommit(paths.episode("E1"))
        })
      expect(yield* commitOf({ "meta.json": META })).toBe(COMMIT)
      for (const meta of ["", "[]", "null", '{"code_version":{}}', META.toUpperCase(), META.padEnd(1024 * 1024 + 1)]) {
        expect(yield* commitOf({ "meta.json": meta })).toBeUndefined()
      }
      expect(yield* commitOf({ "meta.json": META.padEnd(1024 * 1024) })).toBe(COMMIT)
      expect(yield* commitOf({})).toBeUndefined()
      yield* put(paths.root, { elsewhere: META })
      yield* link(`${paths.root}/elsewhere`, `${paths.episode("E1")}/meta.json`)
      expect(yield* readCommit(paths.episode("E1"))).toBeUndefined()
      expect(yield* readCommit(paths.episode("never"))).toBeUndefined()
    })
  )

  onDataRoot("does not take what cannot be read for no commit", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episodes, { E1: "a file where a directory should be" })
      const error = yield* Effect.flip(readCommit(paths.episode("E1")))
      expect(error._tag).toBe("PlatformError")
    })
  )
})

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

describe("drain", () => {
  onDataRoot("moves the unstamped, and only them", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("bad"), UNSTAMPED)
      yield* put(paths.episode("good"), episode())
      yield* put(paths.episode("recording"), { "meta.json": "{}" })
      yield* put(paths.episode("no id"), UNSTAMPED)
      yield* put(paths.episodes, { file: "" })
      yield* put(`${paths.root}/elsewhere`, UNSTAMPED)
      yield* link(`${paths.root}/elsewhere`, paths.episode("linked"))
      yield* put(paths.episode("strange"), { "meta.json": "{}" })
      yield* put(`${paths.episode("strange")}/done.marker`, {})

      const dry = yield* drain({ dryRun: true })
      expect(dry).toMatchObject({ examined: 2, moved: [], failed: [], skipped: [] })
      expect(dry.unstamped.map(({ id }) => id)).toEqual(["bad"])
      expect(yield* Effect.promise(() => fs.readdir(paths.quarantine))).toEqual([])

      const wet = yield* drain({ dryRun: false })
      expect(wet).toMatchObject({ examined: 2, moved: [{ id: "bad", name: "bad" }], failed: [] })
      expect(yield* readJson(`${paths.quarantined("bad")}/quarantine_reason.json`)).toMatchObject({
        reason: "unstamped",
        status_code: 0,
        episode_id: "bad",
        commit: null
      })
      expect((yield* Effect.promise(() => fs.readdir(paths.episodes))).toSorted()).toEqual(
        ["file", "good", "linked", "no id", "recording", "strange"].toSorted()
      )
      expect(yield* drain({ dryRun: false })).toMatchObject({ examined: 1, unstamped: [], moved: [], failed: [] })
    })
  )

  onDataRoot("leaves alone what is in flight, and takes what only a crash left behind", (paths) =>
    Effect.gen(function* () {
      const volume = yield* Volume
      yield* put(paths.episode("packing"), UNSTAMPED)
      yield* put(paths.episode("sending"), UNSTAMPED)
      yield* put(paths.outbox, { "packing.tar.zst.partial": "", "sending.tar.zst": "" })
      const beside = yield* Effect.scoped(Effect.andThen(volume.lock(paths.lock), drain({ dryRun: false })))
      expect(beside.skipped.map(({ id }) => id).toSorted()).toEqual(["packing", "sending"])
      expect(beside).toMatchObject({ examined: 2, moved: [], failed: [], unstamped: [] })
      expect((yield* drain({ dryRun: false })).moved).toHaveLength(2)
    })
  )

  onDataRoot("takes an episode that a crash left with its reason", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("E1"), { ...UNSTAMPED, "quarantine_reason.json": "torn" })
      expect((yield* drain({ dryRun: false })).moved).toEqual([{ id: "E1", name: "E1" }])
      expect(yield* readJson(`${paths.quarantined("E1")}/quarantine_reason.json`)).toMatchObject({
        reason: "unstamped"
      })
    })
  )

  onDataRoot("tells of one that cannot be judged, and goes on", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("E1"), UNSTAMPED)
      yield* put(paths.episode("E2"), UNSTAMPED)
      // Nothing can be drafted for E1.
      yield* put(`${paths.state}/drafts/E1.reason`, {})
      const report = yield* drain({ dryRun: false })
      expect(report.moved).toEqual([{ id: "E2", name: "E2" }])
      expect(report.failed.map(({ name }) => name)).toEqual(["E1"])
    })
  )

  onDataRoot("does not take a listing that fails for an empty one", (paths) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => fs.rmdir(paths.episodes))
      expect((yield* Effect.flip(drain({ dryRun: false })))._tag).toBe("PlatformError")
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

describe("retry", () => {
  onDataRoot("clears the notes that are named, or all", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.outbox, { "E1.conflict.json": NOTE, "E2.conflict.json": "{torn", "E3.conflict.json": NOTE })
      const report = yield* retry(["E1", "E9", ...BAD_NAMES])
      expect(report.done).toEqual(["E1"])
      expect(report.failed.map(({ name }) => name)).toEqual(["E9", ...BAD_NAMES])
      expect(report.failed[0]?.error).toContain("no conflict holds E9")
      expect(yield* retry("all")).toEqual({ done: ["E2", "E3"], failed: [] })
      expect(yield* retry("all")).toEqual({ done: [], failed: [] })
      expect(yield* Effect.promise(() => fs.readdir(paths.outbox))).toEqual([])
    })
  )
})

describe("resolve", () => {
  const held = (paths: Paths, note = NOTE) =>
    Effect.andThen(put(paths.episode("E1"), episode()), put(paths.outbox, { "E1.conflict.json": note }))

  onDataRoot("--keep-stored puts ours into quarantine with both digests", (paths) =>
    Effect.gen(function* () {
      yield* held(paths)
      yield* put(paths.quarantined("E1"), quarantined())
      expect(yield* keepStored("E1")).toBe("E1~1")
      expect(yield* readJson(`${paths.quarantined("E1~1")}/quarantine_reason.json`)).toMatchObject({
        reason: "conflict",
        status_code: 409,
        episode_id: "E1",
        body: { stored_sha256: "a".repeat(64), your_sha256: "b".repeat(64) }
      })
      expect(yield* Effect.promise(() => fs.readdir(paths.outbox))).toEqual([])
      expect(yield* Effect.promise(() => fs.readdir(paths.episodes))).toEqual([])
    })
  )

  onDataRoot("--keep-stored works with a note that cannot be read", (paths) =>
    Effect.gen(function* () {
      yield* held(paths, "{torn")
      expect(yield* keepStored("E1")).toBe("E1")
      expect(yield* readJson(`${paths.quarantined("E1")}/quarantine_reason.json`)).toMatchObject({ body: null })
    })
  )

  onDataRoot("--as renames, unless the new id is taken or none", (paths) =>
    Effect.gen(function* () {
      yield* held(paths)
      yield* put(paths.episode("E2"), {})
      yield* put(paths.episodes, { E3: "" })
      const before = yield* tree(paths)
      for (const newId of ["E1", "E2", "E3", ...BAD_NAMES]) {
        expect((yield* Effect.flip(renameTo("E1", newId)))._tag).toBe("Refused")
      }
      expect(yield* tree(paths)).toEqual(before)
      yield* put(paths.outbox, { "E4.conflict.json": NOTE })
      expect(yield* renameTo("E1", "E4")).toBe("E4")
      expect(yield* Effect.promise(() => fs.readdir(paths.outbox))).toEqual([])
      expect((yield* Effect.promise(() => fs.readdir(paths.episodes))).toSorted()).toEqual(["E2", "E3", "E4"])
    })
  )

  onDataRoot("refuses what no conflict holds, and finishes what a crash cut short", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("E1"), episode())
      for (const name of ["E1", ...BAD_NAMES]) {
        expect((yield* Effect.flip(keepStored(name)))._tag).toBe("Refused")
        expect((yield* Effect.flip(renameTo(name, "E2")))._tag).toBe("Refused")
      }
      yield* Effect.promise(() => fs.rename(paths.episode("E1"), paths.quarantined("E1")))
      yield* put(paths.outbox, { "E1.conflict.json": NOTE })
      expect((yield* Effect.flip(keepStored("E1"))).message).toContain("no longer there")
      expect(yield* Effect.promise(() => fs.readdir(paths.outbox))).toEqual([])
    })
  )
})

describe("reship", () => {
  onDataRoot("brings back what was shipped since, and what does not say when", (paths) =>
    Effect.gen(function* () {
      for (const id of ["E1", "E2", "E3", "E4"]) yield* put(paths.shippedEpisode(id), episode())
      yield* put(paths.shipped, {
        "E1.receipt.json": receipt("2025-01-02T03:04:04.999Z"),
        "E2.receipt.json": receipt("2025-01-02T03:04:05.000Z"),
        "E3.receipt.json": "{torn",
        "E9.receipt.json": receipt("2025-01-03T00:00:00.000Z")
      })
      const report = yield* reship({ since: Date.parse("2025-01-02T03:04:05Z") })
      expect(report).toEqual({
        done: ["E2", "E3", "E4"].map((id) => ({ name: id, episode_id: id })),
        failed: []
      })
      expect((yield* Effect.promise(() => fs.readdir(paths.episodes))).toSorted()).toEqual(["E2", "E3", "E4"])
      expect((yield* Effect.promise(() => fs.readdir(paths.shipped))).toSorted()).toEqual(
        ["E1", "E1.receipt.json", "E9.receipt.json"].toSorted()
      )
    })
  )

  onDataRoot("by name: a suffix goes, a taken id stays where it is", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.shippedEpisode("E1"), episode())
      yield* put(paths.shippedEpisode("E1~1"), episode())
      yield* put(paths.shipped, { "E1.receipt.json": receipt("x"), "E1~1.receipt.json": receipt("x") })
      const names = ["E1~1", "E1", "E1.receipt.json", "nobody", ...BAD_NAMES]
      const report = yield* reship({ names })
      expect(report.done).toEqual([{ name: "E1~1", episode_id: "E1" }])
      expect(report.failed.map(({ name }) => name)).toEqual(names.slice(1))
      expect((yield* Effect.promise(() => fs.readdir(paths.shipped))).toSorted()).toEqual(["E1", "E1.receipt.json"])
    })
  )
})

describe("status", () => {
  onDataRoot("counts everything where it lies", (paths) =>
    Effect.gen(function* () {
      expect(yield* status).toMatchObject({
        daemon: { running: false, pid: null },
        oldest_waiting: null,
        stray_names: 0,
        quarantine: {}
      })
      yield* put(paths.episode("E1"), { "done.marker": "", file: "12345" })
      yield* put(paths.episode("E2"), { "done.marker": "" })
      yield* put(paths.episode("E3"), { file: "1" })
      yield* put(paths.episode("E4"), { "done.marker": "" })
      yield* put(`${paths.episode("E1")}/sub`, { file: "12345" })
      yield* put(paths.episodes, { "a file": "" })
      yield* put(paths.episode("no id"), {})
      yield* link("E1", paths.episode("linked"))
      yield* put(paths.outbox, { "E4.conflict.json": NOTE, "E1.tar.zst": "123", "E2.tar.zst.partial": "4" })
      yield* put(paths.shippedEpisode("E5"), episode())
      yield* put(paths.shipped, { "E5.receipt.json": receipt("x") })
      yield* put(paths.quarantined("E6"), quarantined())
      yield* put(paths.quarantined("E7"), { "quarantine_reason.json": "{torn" })
      yield* link("E6", paths.quarantined("linked"))
      yield* Effect.promise(() => fs.utimes(`${paths.episode("E2")}/done.marker`, 1e9, 1e9))
      yield* Effect.promise(() => fs.utimes(`${paths.episode("E4")}/done.marker`, 1e8, 1e8))
      yield* noteSuccess("E5")
      yield* noteTrouble("no connection")
      const volume = yield* Volume
      const found = yield* Effect.scoped(Effect.andThen(volume.lock(paths.lock), status))
      expect(found).toMatchObject({
        daemon: { running: true, pid: process.pid },
        conflicts: ["E4"],
        episodes: { ready: { count: 2, bytes: 10 }, recording: { count: 1, bytes: 1 }, held: { count: 1, bytes: 0 } },
        stray_names: 3,
        outbox: { count: 2, bytes: 4 },
        shipped: { count: 1 },
        oldest_waiting: { episode_id: "E2", since: "2001-09-09T01:46:40.000Z" },
        last_success_episode: "E5",
        last_error: "no connection"
      })
      expect(found.quarantine).toMatchObject({ too_large: { count: 1 }, unknown: { count: 2 } })
    })
  )

  onDataRoot("is not put off by last words that cannot be read, nor by a directory that is missing", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.state, { "last.json": "{torn" })
      yield* Effect.promise(() => fs.rmdir(paths.shipped))
      expect(yield* status).not.toHaveProperty("last_error")
      yield* noteSuccess("E1")
      expect(yield* status).toMatchObject({ last_success_episode: "E1" })
      yield* Effect.promise(() => fs.rm(paths.root, { recursive: true }))
      expect((yield* Effect.flip(status))._tag).toBe("PlatformError")
    })
  )
})
