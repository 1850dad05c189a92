import * as Effect from "effect/Effect"
import type { EpisodeId } from "../domain/names.ts"
import * as Durable from "../durable.ts"
import { isTaken, typeAt } from "../presence.ts"
import { Layout } from "./layout.ts"
import { makeOurs } from "./makeOurs.ts"
import { forget } from "./notes.ts"

/**
 * Moves a directory to `episodes/<id>`, to be sent as if for the first time. Does nothing when that name is taken, or when there is
 * no such directory.
 */
export const bringBack = Effect.fnUntraced(function* (from: string, id: EpisodeId) {
  const paths = yield* Layout
  if ((yield* typeAt(from)) !== "Directory") return "missing" as const
  if (yield* isTaken(paths.episode(id))) return "taken" as const
  // What was noted of an earlier episode under this id would hold this one.
  if (yield* isTaken(paths.conflictNote(id))) yield* Durable.remove(paths.conflictNote(id))
  yield* forget(id)
  // A crash here leaves the directory where it was, and its notes are made anew.
  yield* Durable.makeDirectory(paths.episodes)
  yield* makeOurs(from)
  yield* Durable.move(from, paths.episode(id))
  return "back" as const
})

/** Removes the receipt of what is not in `shipped/` any more. What was shipped anew meanwhile, and lies there, has a newer one. */
export const removeReceipt = Effect.fnUntraced(function* (name: string) {
  const paths = yield* Layout
  if (yield* isTaken(paths.shippedEpisode(name))) return
  yield* Durable.remove(paths.receipt(name))
})
