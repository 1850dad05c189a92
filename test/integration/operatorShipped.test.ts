import * as fs from "node:fs/promises"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Volume } from "../../src/services/Volume.ts"
import { noteSuccess, noteTrouble } from "../../src/shipper/lastWords.ts"
import { requeue } from "../../src/shipper/operator/requeue.ts"
import { reship } from "../../src/shipper/operator/reship.ts"
import { status } from "../../src/shipper/operator/status.ts"
import { episode, put } from "../support/dataRoot.ts"
import { BAD_NAMES, link, NOTE, onDataRoot, quarantined, receipt } from "../support/operator.ts"

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

describe("the receipt of a later time", () => {
  onDataRoot("stays where the daemon has shipped it again before reship was done", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.shippedEpisode("E1"), episode())
      yield* put(paths.shipped, { "E1.receipt.json": receipt("2025-01-02T03:04:05.000Z") })
      const later = receipt("2025-02-02T03:04:05.000Z")
      const files = yield* FileSystem.FileSystem
      const shipsAtOnce = FileSystem.make({
        ...files,
        rename: (from, to) =>
          files
            .rename(from, to)
            .pipe(
              Effect.andThen(files.writeFileString(paths.receipt("E1"), later)),
              Effect.andThen(files.rename(to, from))
            )
      })
      const reshipped = reship({ names: ["E1"] }).pipe(Effect.provideService(FileSystem.FileSystem, shipsAtOnce))
      expect(yield* reshipped).toMatchObject({ done: [{ name: "E1" }], failed: [] })
      expect(yield* files.readFileString(paths.receipt("E1"))).toBe(later)
    })
  )
})

describe("where there is no episodes/ yet", () => {
  onDataRoot("requeue and reship make it", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), quarantined())
      yield* put(paths.shippedEpisode("E2"), episode())
      for (const bring of [requeue({ names: ["E1"] }), reship({ names: ["E2"] })]) {
        yield* Effect.promise(() => fs.rm(paths.episodes, { recursive: true }))
        expect(yield* bring).toMatchObject({ done: [{}], failed: [] })
      }
      expect(yield* Effect.promise(() => fs.readdir(paths.episodes))).toEqual(["E2"])
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
