import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { orMissing } from "../../presence.ts"
import { wordsOf } from "../../systemError.ts"

/**
 * Bytes in all regular files below `path`, or in the file itself. What vanishes meanwhile or cannot be read counts for nothing, and
 * the latter is said; links are not followed.
 */
export const treeBytes = Effect.fnUntraced(
  function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const pending = [path]
    let bytes = 0
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const info = yield* orMissing(fs.lstat(next))
      if (info?.type === "File") bytes += Number(info.size)
      if (info?.type !== "Directory") continue
      for (const name of (yield* orMissing(fs.readDirectory(next))) ?? []) pending.push(`${next}/${name}`)
    }
    return bytes
  },
  (counted, path) =>
    Effect.catch(counted, (error) =>
      Effect.as(Effect.logWarning(`cannot be measured: ${wordsOf(error)}`).pipe(Effect.annotateLogs({ path })), 0)
    )
)
