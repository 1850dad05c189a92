/** What the tests of the operator's commands lay out, and how they ask. */
import * as fs from "node:fs/promises"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { EpisodeId } from "../../src/domain/names.ts"
import { Volume } from "../../src/services/Volume.ts"
import { Layout, type Paths } from "../../src/shipper/layout.ts"
import { COMMIT, episode, layerDataRoot } from "./dataRoot.ts"

/** Runs on a data root of its own. */
export const onDataRoot = <A, E>(
  name: string,
  test: (paths: Paths) => Effect.Effect<A, E, FileSystem.FileSystem | Layout | Volume>
) => it.live(name, () => Effect.flatMap(Layout, test).pipe(Effect.provide(layerDataRoot)))

export const readJson = (path: string) => Effect.promise(async () => JSON.parse(await fs.readFile(path, "utf8")))
export const link = (target: string, path: string) => Effect.promise(() => fs.symlink(target, path))
export const UNSTAMPED = episode("{}")
export const ID = EpisodeId.make("E1")

export const reason = (over: Record<string, unknown> = {}) =>
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
export const quarantined = (over?: Record<string, unknown>) => ({
  ...episode(),
  "quarantine_reason.json": reason(over)
})

export const NOTE = JSON.stringify({
  episode_id: "E1",
  stored_sha256: "a".repeat(64),
  your_sha256: "b".repeat(64),
  content_sha256: "c".repeat(64),
  error: "other content is stored under this id",
  remediation: null,
  noted_at: "2025-01-02T03:04:05.000Z"
})
export const receipt = (shippedAt: string) =>
  JSON.stringify({
    status: "stored",
    host_id: "lab1",
    episode_id: "E1",
    sha256: "a".repeat(64),
    bytes: 1,
    content_sha256: "b".repeat(64),
    shipped_at: shippedAt
  })

export const BAD_NAMES = ["../episodes/E9", "a/b", "..", ".", "", "/etc", "E1~1~2", "-x", "E\n1"]
