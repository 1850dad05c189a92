import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Durable from "../durable.ts"
import { orMissing } from "../presence.ts"
import { wordsOf } from "../systemError.ts"
import { moveToFreeName } from "./freeName.ts"
import { Layout } from "./layout.ts"
import { makeAllOurs, makeOurs } from "./makeOurs.ts"

const trash = Effect.map(Layout, (paths) => `${paths.state}/trash`)

/** Deletes a directory for good. It leaves its place in one rename, so that nobody can bring back half of it. */
export const discard = Effect.fnUntraced(function* (path: string, name: string) {
  const directory = yield* trash
  yield* Durable.makeDirectory(directory)
  yield* makeOurs(path)
  const free = yield* moveToFreeName(path, name, (candidate) => `${directory}/${candidate}`)
  // A crash here leaves what was to go in the trash; `emptyTrash` deletes it.
  yield* deleteFromTrash(`${directory}/${free}`)
})

/** What cannot be deleted stays in the trash, and holds up nothing else. */
const deleteFromTrash = (path: string) =>
  Durable.remove(path, { recursive: true }).pipe(
    Effect.catch(() => Effect.andThen(makeAllOurs(path), Durable.remove(path, { recursive: true }))),
    Effect.catch((error) =>
      Effect.logWarning(`cannot be deleted: ${wordsOf(error)}`).pipe(Effect.annotateLogs({ path }))
    )
  )

/** Deletes what a crash left in the trash. For the holder of the lock. */
export const emptyTrash = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* trash
  const names = (yield* orMissing(fs.readDirectory(directory))) ?? []
  if (names.length === 0) return
  // Whoever was cut short may not have come to saying it.
  yield* Effect.logWarning("emptying the trash").pipe(Effect.annotateLogs({ names: names.join(" ") }))
  yield* Effect.forEach(names, (name) => deleteFromTrash(`${directory}/${name}`), { discard: true })
})
