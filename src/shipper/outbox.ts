/** The waiting tarballs. They are a cache of `episodes/`: any of them may be removed at any time and is packed again. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { isEpisodeId } from "../domain/names.ts"
import type { Order } from "../domain/shipperSettings.ts"
import { typeAt } from "../presence.ts"
import type { Volume } from "../services/Volume.ts"
import { wordsOf } from "../systemError.ts"
import { Layout, SUFFIX } from "./layout.ts"
import { packedOwner, readPackingNote, tallyOwner } from "./notes.ts"
import type { Outcome } from "./run.ts"

/** The episode that a name in `outbox/` belongs to. */
const ownerOf = (name: string): string => {
  const suffix = Object.values(SUFFIX).find((end) => name.endsWith(end))
  return suffix === undefined ? name : name.slice(0, -suffix.length)
}

/** The room in `outbox/` for one pass. */
export interface Shelf {
  /** Episodes held by a conflict note. */
  readonly held: ReadonlySet<string>
  /**
   * Does something with an episode's tarball, of which one may be `waiting`; where there are too many, one that is not in use makes
   * room.
   */
  readonly place: <E, R>(
    id: string,
    use: (waiting: boolean) => Effect.Effect<Outcome, E, R>
  ) => Effect.Effect<Outcome, E | PlatformError, R | FileSystem.FileSystem | Layout | Volume>
}

/** Where there are too many tarballs, those go first whose turn comes last: in the order of sizes as of the oldest first. */
export const openShelf = Effect.fnUntraced(function* (concurrency: number, order: Order) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const names = yield* fs.readDirectory(paths.outbox)
  const owners = (suffix: string) => new Set(names.filter((name) => name.endsWith(suffix)).map(ownerOf))
  const held = owners(SUFFIX.conflictNote)
  // A crash between the note and the removal leaves a tarball that is not sent any more.
  yield* Effect.forEach(owners(SUFFIX.tarball).intersection(held), removeTarball, { discard: true })
  const waiting = owners(SUFFIX.tarball).union(owners(SUFFIX.partial)).difference(held)
  let inUse = 0
  const makeRoom = Effect.gen(function* () {
    const oldestFirst = [...waiting].toSorted()
    for (const id of order === "newest-first" ? oldestFirst : oldestFirst.toReversed()) {
      if (waiting.size + inUse <= 2 * concurrency) return
      // It may have been taken in hand meanwhile.
      if (!waiting.delete(id)) continue
      yield* fs.remove(paths.partial(id), { force: true })
      yield* removeTarball(id)
    }
  })
  /** One without a tarball takes no room. */
  const putBack = Effect.fnUntraced(function* (id: string) {
    const lies = Effect.map(Effect.all([typeAt(paths.tarball(id)), typeAt(paths.partial(id))]), (types) =>
      types.some((type) => type !== undefined)
    )
    if (yield* Effect.orElseSucceed(lies, () => true)) waiting.add(id)
  })
  const shelf: Shelf = {
    held,
    place: (id, use) =>
      Effect.suspend(() => {
        inUse++
        const mayWait = waiting.delete(id)
        return Effect.andThen(makeRoom, use(mayWait))
      }).pipe(
        Effect.onExit((exit) =>
          exit._tag === "Failure" || exit.value === "transient_failures" ? putBack(id) : Effect.void
        ),
        Effect.ensuring(Effect.sync(() => inUse--))
      )
  }
  return shelf
})

/** What the waiting tarball is and was made from; `undefined` when there is none, or none that its note describes. */
export const waitingTarball = Effect.fnUntraced(function* (id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const note = yield* readPackingNote(id)
  if (note === undefined) return undefined
  const info = yield* Effect.option(fs.lstat(paths.tarball(id)))
  return info._tag === "Some" && info.value.type === "File" && Number(info.value.size) === note.bytes ? note : undefined
})

export const removeTarball = Effect.fnUntraced(function* (id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  // Not synced: a tarball that comes back after a crash is swept, or used again if it still fits.
  yield* fs.remove(paths.tarball(id), { force: true })
  // A crash here leaves a note of the upload that the next tarball uses only if it is the same.
  yield* clearUploadNote(id)
})

/** Forgets where the upload of a tarball lies. */
export const clearUploadNote = Effect.fnUntraced(function* (id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  yield* fs.remove(paths.uploadNote(id), { force: true })
})

/**
 * Removes what lies in `outbox/`, and is noted in `state/`, without its episode, and whatever is no file. What belongs to an episode
 * that is there stays, the partial that is being written now included. Gives what could not be removed, in words.
 */
export const sweep = Effect.gen(function* () {
  const paths = yield* Layout
  return [
    ...(yield* sweepDirectory(paths.outbox, ownerOf)),
    ...(yield* sweepDirectory(`${paths.state}/packed`, packedOwner)),
    ...(yield* sweepDirectory(`${paths.state}/tally`, tallyOwner))
  ]
})

const sweepDirectory = Effect.fnUntraced(function* (directory: string, owner: (name: string) => string) {
  const fs = yield* FileSystem.FileSystem
  const failed: Array<string> = []
  for (const name of yield* fs.readDirectory(directory)) {
    yield* Effect.catch(sweepName(directory, name, owner(name)), (error) =>
      Effect.sync(() => void failed.push(wordsOf(error)))
    )
  }
  return failed
})

const sweepName = Effect.fnUntraced(function* (directory: string, name: string, id: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const type = yield* typeAt(`${directory}/${name}`)
  const belongs = isEpisodeId(id) && (yield* typeAt(paths.episode(id))) !== undefined
  // Renamed or removed since it was listed: what has its name by the time of the removal would be another.
  if (type === undefined || (belongs && type === "File")) return
  yield* fs.remove(`${directory}/${name}`, { recursive: true, force: true })
  if (directory === paths.outbox) yield* Effect.logInfo("swept").pipe(Effect.annotateLogs({ path: `outbox/${name}` }))
})
