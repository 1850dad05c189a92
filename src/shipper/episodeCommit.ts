import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Commit } from "../domain/names.ts"
import { decodeUtf8 } from "../domain/tarReader.ts"
import { orMissing } from "../presence.ts"
import { META_FILE } from "./layout.ts"

/** The receiver refuses a larger `meta.json`. */
const LIMIT_BYTES = 1024 * 1024

const Meta = Schema.fromJsonString(Schema.Struct({ code_version: Schema.Struct({ commit: Commit }) }))
const decodeMeta = Schema.decodeUnknownOption(Meta)

/** Whether an episode says which code made it. */
export type Stamp =
  | { readonly _tag: "Stamped"; readonly commit: Commit }
  | { readonly _tag: "Unstamped"; readonly why: string }

const unstamped = (why: string): Stamp => ({ _tag: "Unstamped", why })

/** Reads the stamp of the episode in `directory`. Fails when it cannot be read: that says nothing about the episode. */
export const readStamp = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = `${directory}/${META_FILE}`
  const info = yield* orMissing(fs.lstat(path))
  if (info === undefined) return unstamped(`there is no ${META_FILE}`)
  if (info.type !== "File") return unstamped(`${META_FILE} is not a regular file`)
  if (info.size > LIMIT_BYTES) return unstamped(`${META_FILE} is larger than 1 MiB`)
  const bytes = yield* orMissing(fs.readFile(path))
  return bytes === undefined ? unstamped(`there is no ${META_FILE}`) : stampIn(bytes)
})

const stampIn = (meta: Uint8Array): Stamp =>
  Option.match(decodeMeta(decodeUtf8(meta)), {
    onNone: () => unstamped(`${META_FILE} has no valid code_version.commit`),
    onSome: ({ code_version: { commit } }): Stamp => ({ _tag: "Stamped", commit })
  })

/** The commit that made the episode in `directory`; `undefined` when it names no valid one. Fails like `readStamp`. */
export const readCommit = (directory: string) =>
  Effect.map(readStamp(directory), (stamp) => (stamp._tag === "Stamped" ? stamp.commit : undefined))
