import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type { Problem } from "../../domain/protocol.ts"
import type { UploadToken } from "../../domain/upload/token.ts"
import { orMissing } from "../../presence.ts"
import { wordsOf } from "../../systemError.ts"
import { cannotStore } from "../trouble.ts"
import { dataPath, draftPath, statePath } from "./paths.ts"

/** What a disk that does not do as it is told means for an upload that may be resumed. */
export const orLater = <A, R>(effect: Effect.Effect<A, PlatformError, R>): Effect.Effect<A, Problem, R> =>
  Effect.catch(effect, (error) =>
    Effect.andThen(
      Effect.logError(`an upload cannot be written: ${wordsOf(error)}`),
      Effect.fail({ ...cannotStore(error), remediation: "what was acknowledged is kept; go on with it later" })
    )
  )

/** Makes the file, empty. */
export const makeDataFile = Effect.fnUntraced(function* (directory: string, token: UploadToken) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.open(dataPath(directory, token), { flag: "wx", mode: 0o600, noFollow: true })
}, Effect.scoped)

/**
 * Opens it to be written from `offset` on. What lies behind was never acknowledged, and goes. `undefined` where there is less: what
 * was acknowledged is lost.
 */
export const openDataFile = Effect.fnUntraced(function* (directory: string, token: UploadToken, offset: number) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* orMissing(fs.open(dataPath(directory, token), { flag: "r+", noFollow: true }))
  const size = file === undefined ? -1n : ByteSize.toBigInt((yield* file.stat).size)
  if (file === undefined || size < BigInt(offset)) return undefined
  if (size > BigInt(offset)) yield* file.truncate(offset)
  yield* file.seek(BigInt(offset), "start")
  return file
})

/** The names of an upload that is through or given up. Not synced: what a crash brings back is an upload that expires. */
export const removeFiles = Effect.fnUntraced(function* (directory: string, token: UploadToken) {
  const fs = yield* FileSystem.FileSystem
  // Commit mark first: a crash in between leaves data without a state, which is nobody's.
  yield* fs.remove(statePath(directory, token), { force: true })
  yield* fs.remove(dataPath(directory, token), { force: true })
  // What a state that could not be written has left.
  yield* fs.remove(draftPath(directory, token), { force: true })
})
