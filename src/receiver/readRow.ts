import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { type LastLine, Lookup } from "../services/Lookup.ts"
import { readTextAt } from "./followIndex.ts"
import { type Line, parseLine } from "./rowLine.ts"
import { type EpisodeName, nameOf } from "./storePaths.ts"

const isSo = (line: Line, name: EpisodeName, { stands }: LastLine): line is Extract<Line, { readonly name: unknown }> =>
  line._tag === (stands ? "Stands" : "Withdrawn") && nameOf(line.name) === nameOf(name)

/** The row at a place the lookup gave. A lookup that is wrong is emptied, for the next start to build anew, and ends the process. */
const readRow = Effect.fnUntraced(function* (file: FileSystem.File, name: EpisodeName, place: LastLine) {
  const line = parseLine(yield* readTextAt(file, place.offset, place.length))
  if (isSo(line, name, place)) return line.row
  const lookup = yield* Lookup
  yield* Effect.orDie(lookup.clear)
  return yield* Effect.die(
    new Error(`the lookup database says ${nameOf(name)} is at byte ${place.offset} of the index, and it is not`)
  )
})

/** The row that the last line about a name says, standing or `withdrawn`, as far as the lookup has followed the index. */
export const findLastRow = Effect.fnUntraced(function* (file: FileSystem.File, name: EpisodeName) {
  const lookup = yield* Lookup
  const place = yield* lookup.find(name.hostId, name.episodeId)
  return place === undefined ? undefined : yield* readRow(file, name, place)
})

/** The standing row of a name. */
export const findRow = (file: FileSystem.File, name: EpisodeName) =>
  Effect.map(findLastRow(file, name), (row) => (row?.status === "withdrawn" ? undefined : row))
