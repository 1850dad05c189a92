import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type EpisodeId, isEpisodeId, withoutSuffix } from "../../domain/names.ts"
import { Refused } from "./report.ts"

/** The id in a name that an entry of `quarantine/` or `shipped/` can have. Whatever is no such name is refused, a path above all. */
export const idOfEntry = Effect.fnUntraced(function* (name: string) {
  return yield* mustBeId(withoutSuffix(name), name)
})

export const mustBeId = Effect.fnUntraced(function* (id: string, written = id) {
  if (isEpisodeId(id)) return id satisfies EpisodeId
  return yield* new Refused({
    message: `${JSON.stringify(written)} is no episode id: 1 to 128 letters, digits, ".", "_" or "-", a letter or digit first`
  })
})

/** The names of all directories in `directory`, oldest id first. */
export const directoriesIn = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const entries = yield* fs.readDirectoryEntries(directory)
  return entries
    .filter((entry) => entry.type === "Directory")
    .map((entry) => entry.name)
    .toSorted()
})
