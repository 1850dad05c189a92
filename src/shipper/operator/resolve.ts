/** `resolve`: ends a conflict, by keeping the stored copy or by sending ours under another id. */
import * as Effect from "effect/Effect"
import type { EpisodeId } from "../../domain/names.ts"
import { typeAt } from "../../presence.ts"
import { bringBack } from "../bringBack.ts"
import { removeConflictNote } from "../conflictNote.ts"
import { readCommit } from "../episodeCommit.ts"
import { Layout } from "../layout.ts"
import { forget } from "../notes.ts"
import { quarantine } from "../quarantine.ts"
import { mustBeId } from "./names.ts"
import { Refused } from "./report.ts"
import { mustBeHeld } from "./retry.ts"

/** The receiver's copy stands: ours goes to `quarantine/`. Answers with its name there. */
export const keepStored = Effect.fnUntraced(function* (name: string) {
  const { id, note } = yield* heldEpisode(name)
  const conflict = note._tag === "Read" ? note.value : undefined
  const moved = yield* quarantine(id, {
    reason: "conflict",
    status_code: 409,
    error: conflict?.error ?? "the receiver has other content under this id",
    body: conflict?.body ?? conflict ?? null,
    commit: (yield* Effect.orElseSucceed(readCommit((yield* Layout).episode(id)), () => undefined)) ?? null
  })
  // A crash here leaves a note without its episode, which the next sweep removes.
  yield* settle(id)
  return moved
})

/** Both are kept: ours goes under an id of its own. Answers with that id. */
export const renameTo = Effect.fnUntraced(function* (name: string, newName: string) {
  const { id } = yield* heldEpisode(name)
  const newId = yield* mustBeId(newName)
  const paths = yield* Layout
  const outcome = yield* bringBack(paths.episode(id), newId)
  if (outcome === "missing") return yield* gone(id)
  if (outcome === "taken")
    return yield* new Refused({ message: `episodes/${newId} is there already; choose another id` })
  // A crash here leaves a note without its episode, which the next sweep removes.
  yield* settle(id)
  return newId
})

const settle = (id: EpisodeId) => Effect.andThen(removeConflictNote(id), forget(id))

/** An earlier resolve that was cut short, or somebody's hand: there is nothing left to decide. */
const gone = Effect.fnUntraced(function* (id: EpisodeId) {
  yield* settle(id)
  return yield* new Refused({ message: `episodes/${id} is no longer there; its conflict note was removed` })
})

const heldEpisode = Effect.fnUntraced(function* (name: string) {
  const id = yield* mustBeId(name)
  const note = yield* mustBeHeld(id)
  if ((yield* typeAt((yield* Layout).episode(id))) === "Directory") return { id, note }
  return yield* gone(id)
})
