import * as fs from "node:fs/promises"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Paths } from "../../src/shipper/layout.ts"
import { keepStored, renameTo } from "../../src/shipper/operator/resolve.ts"
import { retry } from "../../src/shipper/operator/retry.ts"
import { episode, put, tree } from "../support/dataRoot.ts"
import { BAD_NAMES, NOTE, onDataRoot, quarantined, readJson } from "../support/operator.ts"

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
