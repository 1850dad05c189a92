import * as fs from "node:fs/promises"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Volume } from "../../src/services/Volume.ts"
import { readCommit } from "../../src/shipper/episodeCommit.ts"
import { drain } from "../../src/shipper/operator/drain.ts"
import { COMMIT, episode, META, put } from "../support/dataRoot.ts"
import { link, onDataRoot, readJson, UNSTAMPED } from "../support/operator.ts"

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

  onDataRoot("works where the data root is a link, as the daemon does", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("bad"), UNSTAMPED)
      yield* Effect.promise(() => fs.rename(paths.root, `${paths.root}.there`))
      yield* link(`${paths.root}.there`, paths.root)
      expect(yield* drain({ dryRun: false })).toMatchObject({ moved: [{ id: "bad" }], failed: [] })
      yield* Effect.promise(() => fs.rm(paths.root))
      yield* Effect.promise(() => fs.rename(`${paths.root}.there`, paths.root))
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

  onDataRoot("takes what a recorder made before the shipper ever ran", (paths) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => fs.rm(paths.root, { recursive: true }))
      yield* put(paths.episode("E1"), UNSTAMPED)
      expect(yield* drain({ dryRun: false })).toMatchObject({ moved: [{ id: "E1", name: "E1" }], failed: [] })
      expect(yield* readJson(`${paths.quarantined("E1")}/quarantine_reason.json`)).toMatchObject({
        reason: "unstamped"
      })
    })
  )

  onDataRoot("finds nothing where nothing was recorded yet, and fails where there is no data root", (paths) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => fs.rmdir(paths.episodes))
      expect(yield* drain({ dryRun: false })).toMatchObject({ examined: 0, moved: [], failed: [] })
      yield* Effect.promise(() => fs.rm(paths.root, { recursive: true }))
      expect((yield* Effect.flip(drain({ dryRun: false }))).reason._tag).toBe("NotFound")
    })
  )

  onDataRoot("does not take a listing that fails for an empty one", (paths) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => fs.rmdir(paths.episodes))
      yield* put(paths.root, { episodes: "a file where a directory should be" })
      expect((yield* Effect.flip(drain({ dryRun: false })))._tag).toBe("PlatformError")
    })
  )
})
