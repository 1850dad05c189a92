import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { UploadToken } from "../../domain/upload/token.ts"
import { mustBeDirectory, orMissing } from "../../presence.ts"
import { Volume } from "../../services/Volume.ts"
import { steadyMillis } from "../steady.ts"
import { removeFiles } from "./dataFile.ts"
import { dataPath, parseEntry } from "./paths.ts"
import { readState } from "./state.ts"
import { makeUpload, type Upload } from "./Upload.ts"

/** What a name in the directory comes to; `undefined` for one whose state or data is not whole. */
const revive = Effect.fnUntraced(function* (directory: string, token: UploadToken) {
  const volume = yield* Volume
  const state = yield* orMissing(readState(directory, token))
  const data = yield* orMissing(volume.inspect(dataPath(directory, token)))
  if (state === undefined || data?.type !== "File" || data.size < state.offset) return undefined
  // Which time it is counts here only: a clock that is set later neither ends an upload nor keeps it.
  const age = Math.max(0, (yield* Clock.currentTimeMillis) - state.progressAt)
  return makeUpload(token, state, (yield* steadyMillis) - age)
})

const reviveOrRemove = Effect.fnUntraced(function* (directory: string, token: UploadToken) {
  const upload = yield* revive(directory, token)
  if (upload !== undefined) return upload
  yield* Effect.logInfo("removed what a crash left of an upload that was beginning or ending")
  yield* removeFiles(directory, token)
  return undefined
})

/** What cannot be read now is nobody's until the next start. */
const orLeave = (path: string) =>
  Effect.catch((error: { readonly message: string }) =>
    Effect.as(Effect.logError(`${path} is left alone: ${error.message}`), undefined)
  )

/** The uploads of earlier lives that can go on; the rest of what is ours in the directory is removed. */
export const load = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* orMissing(Effect.andThen(mustBeDirectory(directory), fs.readDirectory(directory)))) ?? []
  const tokens = new Set<UploadToken>()
  for (const name of names.toSorted()) {
    const entry = parseEntry(name)
    const path = `${directory}/${name}`
    if (entry === undefined) {
      yield* Effect.logWarning("left alone in incoming/uploads/: this is not ours").pipe(Effect.annotateLogs({ path }))
    } else if (entry.kind === "draft") {
      yield* fs.remove(path, { force: true })
    } else {
      tokens.add(entry.token)
    }
  }
  const uploads: Array<Upload> = []
  for (const token of tokens) {
    const upload = yield* orLeave(dataPath(directory, token))(reviveOrRemove(directory, token))
    if (upload !== undefined) uploads.push(upload)
  }
  return uploads
})
