import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type EpisodeId, isEpisodeId } from "../domain/names.ts"
import { ConflictNote } from "../domain/reason.ts"
import * as Durable from "../durable.ts"
import { orMissing } from "../presence.ts"
import { Layout, SUFFIX } from "./layout.ts"
import { readJson } from "./readJson.ts"

export const readConflictNote = (id: EpisodeId) =>
  Effect.flatMap(Layout, (paths) => readJson(paths.conflictNote(id), ConflictNote))

/** The episodes that a conflict note holds, sorted. */
export const heldIds = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* orMissing(fs.readDirectory((yield* Layout).outbox))) ?? []
  return names
    .filter((name) => name.endsWith(SUFFIX.conflictNote))
    .map((name) => name.slice(0, -SUFFIX.conflictNote.length))
    .filter(isEpisodeId)
    .toSorted()
})

/** Lets the episode go: the next pass sends it again. */
export const removeConflictNote = (id: EpisodeId) =>
  Effect.flatMap(Layout, (paths) => Durable.remove(paths.conflictNote(id)))
