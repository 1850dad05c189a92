/** Names in `incoming/` of uploads that are stored. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { orMissing } from "../presence.ts"
import { type EpisodeName, nameOf, parseIncoming, type StoreOptions, storedPath } from "./storePaths.ts"

/** Whether two names are one file. */
export const isSameFile = Effect.fnUntraced(function* (a: string, b: string) {
  const fs = yield* FileSystem.FileSystem
  const [first, second] = [yield* orMissing(fs.lstat(a)), yield* orMissing(fs.lstat(b))]
  if (first === undefined || second === undefined || first.dev !== second.dev) return false
  return Option.isSome(first.ino) && Option.getOrUndefined(second.ino) === first.ino.value
})

/** Removes the names that an append which failed left for the next start: the index has come to know of the stored file since. */
export const removeLeftovers = Effect.fnUntraced(function* (name: EpisodeName, options: StoreOptions) {
  const fs = yield* FileSystem.FileSystem
  for (const entry of yield* fs.readDirectory(options.incomingRoot)) {
    const owner = parseIncoming(entry)
    const path = `${options.incomingRoot}/${entry}`
    if (owner === undefined || nameOf(owner) !== nameOf(name)) continue
    if (yield* isSameFile(path, storedPath(options.storeRoot, name))) yield* fs.remove(path, { force: true })
  }
})
