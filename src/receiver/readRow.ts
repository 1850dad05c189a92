import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { Lookup, type Place } from "../services/Lookup.ts"
import { readTextAt } from "./followIndex.ts"
import { parseLine } from "./rowLine.ts"
import { type EpisodeName, nameOf } from "./storePaths.ts"

/** The row at a place the lookup gave. A lookup that is wrong is emptied, for the next start to build anew, and ends the process. */
export const readRow = Effect.fnUntraced(function* (file: FileSystem.File, name: EpisodeName, place: Place) {
  const line = parseLine(yield* readTextAt(file, place.offset, place.length))
  if (line._tag === "Stands" && line.row.host_id === name.hostId && line.row.episode_id === name.episodeId) {
    return line.row
  }
  const lookup = yield* Lookup
  yield* Effect.orDie(lookup.clear)
  return yield* Effect.die(
    new Error(`the lookup database says ${nameOf(name)} is at byte ${place.offset} of the index, and it is not`)
  )
})

/** The standing row of a name, as far as the lookup has followed the index. */
export const findRow = Effect.fnUntraced(function* (file: FileSystem.File, name: EpisodeName) {
  const lookup = yield* Lookup
  const place = yield* lookup.find(name.hostId, name.episodeId)
  return place === undefined ? undefined : yield* readRow(file, name, place)
})
