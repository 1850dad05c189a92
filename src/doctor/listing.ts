import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { formatTime } from "../domain/time.ts"
import { orMissing } from "../presence.ts"
import { Volume } from "../services/Volume.ts"
import { wordsOf } from "../systemError.ts"

/** What lies nearest to the top is listed; the rest is counted as left out. */
const MOST = 20_000

/** Type, permissions, size, time and path of everything below a directory, a line each; no contents. */
export const listing = Effect.fnUntraced(function* (root: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const pending = [root]
  const lines: Array<string> = []
  for (const path of pending) {
    if (lines.length === MOST) break
    const said = yield* orMissing(volume.inspect(path)).pipe(Effect.catch((error) => Effect.succeed(wordsOf(error))))
    if (said === undefined) continue
    if (typeof said === "string") {
      lines.push(`? ${said}`)
      continue
    }
    const { mode, mtimeNs, size, type } = said
    lines.push(
      `${type} ${mode.toString(8)} ${size} ${formatTime(Number(mtimeNs / 1_000_000n))} ${JSON.stringify(path)}`
    )
    if (type !== "Directory") continue
    const names = yield* fs.readDirectory(path).pipe(Effect.orElseSucceed((): ReadonlyArray<string> => []))
    if (pending.length < 10 * MOST) for (const name of names.toSorted()) pending.push(`${path}/${name}`)
  }
  const left = pending.length - lines.length
  return `${lines.join("\n")}\n${left > 0 ? `at least ${left} more\n` : ""}`
})
