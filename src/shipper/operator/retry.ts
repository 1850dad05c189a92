/** `retry`: episodes held by a conflict, or because they changed too often, are sent again. */
import * as Effect from "effect/Effect"
import type { EpisodeId } from "../../domain/names.ts"
import { heldIds, readConflictNote, removeConflictNote } from "../conflictNote.ts"
import { isRestless, readTally, writeTally } from "../notes.ts"
import { mustBeId } from "./names.ts"
import { forEachName, Refused } from "./report.ts"

/** Clears conflict notes and counts of changes; answers with the ids. `all`: that a conflict holds. */
export const retry = Effect.fnUntraced(function* (ids: ReadonlyArray<string> | "all") {
  return yield* forEachName(ids === "all" ? yield* heldIds : ids, retryOne)
})

const retryOne = Effect.fnUntraced(function* (name: string) {
  const id = yield* mustBeId(name)
  const tally = yield* readTally(id)
  const wasRestless = isRestless(tally)
  if (wasRestless) yield* writeTally(id, { ...tally, changed: 0 })
  if (wasRestless && (yield* readConflictNote(id))._tag === "Missing") return id
  yield* mustBeHeld(id)
  yield* removeConflictNote(id)
  return id
})

/** The note that holds the episode; a note that cannot be read holds it too. */
export const mustBeHeld = Effect.fnUntraced(function* (id: EpisodeId) {
  const note = yield* readConflictNote(id)
  if (note._tag === "Missing")
    return yield* new Refused({ message: `no conflict holds ${id}; status lists those that one holds` })
  return note
})
