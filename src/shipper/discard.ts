import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Durable from "../durable.ts"
import { orMissing } from "../presence.ts"
import { moveToFreeName } from "./freeName.ts"
import { Layout } from "./layout.ts"

const trash = Effect.map(Layout, (paths) => `${paths.state}/trash`)

/** Deletes a directory for good. It leaves its place in one rename, so that nobody can bring back half of it. */
export const discard = Effect.fnUntraced(function* (path: string, name: string) {
  const directory = yield* trash
  yield* Durable.makeDirectory(directory)
  const free = yield* moveToFreeName(path, name, (candidate) => `${directory}/${candidate}`)
  // A crash here leaves what was to go in the trash; `emptyTrash` deletes it.
  yield* Durable.remove(`${directory}/${free}`, { recursive: true })
})

/** Deletes what a crash left in the trash. For the holder of the lock. */
export const emptyTrash = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* trash
  const names = (yield* orMissing(fs.readDirectory(directory))) ?? []
  yield* Effect.forEach(names, (name) => Durable.remove(`${directory}/${name}`, { recursive: true }), { discard: true })
})
