import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Volume } from "../services/Volume.ts"

const OWNER_ALL = 0o700

/** A recorder may have made its directory read-only; to be moved to another parent it must be writable itself (rename(2)). */
export const makeOurs = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const { mode, type } = yield* volume.inspect(directory)
  if (type !== "Directory" || (mode & OWNER_ALL) === OWNER_ALL) return
  yield* fs.chmod(directory, mode | OWNER_ALL)
})

/** The same for every directory below, so that the whole can be deleted. Links are not followed. */
export const makeAllOurs = Effect.fnUntraced(function* (top: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const pending = [top]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if ((yield* volume.inspect(path)).type !== "Directory") continue
    yield* makeOurs(path)
    for (const name of yield* fs.readDirectory(path)) pending.push(`${path}/${name}`)
  }
})
