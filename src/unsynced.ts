/**
 * Small files that may be lost: never synced, mode 0600, and never written through a link. Whatever has the name of the file that is
 * being made goes first: the name is ours alone.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { anew } from "./presence.ts"

/** Makes a file anew. A reader beside us may see it half made. */
export const create = Effect.fnUntraced(function* (path: string, content: string) {
  const fs = yield* FileSystem.FileSystem
  yield* anew(path, fs.writeFileString(path, content, { flag: "wx", mode: 0o600 }))
})

/** Replaces a file in one step, so that a reader beside us never sees half of it. `draft` is where it is made. */
export const replace = Effect.fnUntraced(function* (path: string, content: string, draft = `${path}.tmp`) {
  const fs = yield* FileSystem.FileSystem
  yield* create(draft, content)
  // A crash here leaves the old content and a draft that the next one replaces.
  yield* fs.rename(draft, path)
})
