import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { parentOf } from "../domain/parentOf.ts"
import * as Durable from "../durable.ts"
import { Volume } from "../services/Volume.ts"
import { wordsOf } from "../systemError.ts"
import { lockPath, type StoreOptions } from "./storePaths.ts"

/** This disk cannot keep what the receiver promises: a mistake of whoever configured it. */
export class UnfitStorage extends Schema.TaggedError<UnfitStorage>()("UnfitStorage", {
  /** In words: what, where, and what to do. */
  message: Schema.String
}) {}

type Roots = Pick<StoreOptions, "storeRoot" | "incomingRoot" | "indexPath">

const unfit = (what: string) => (error: PlatformError) => new UnfitStorage({ message: `${what}: ${wordsOf(error)}` })

const makeDirectory = (path: string) =>
  Durable.makeDirectory(path).pipe(Effect.mapError(unfit(`the directory ${path} cannot be made`)))

const proveSync = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.open(path, { flag: "r" })
    yield* directory.sync
  }).pipe(
    Effect.scoped,
    Effect.mapError(unfit(`the names in ${path} cannot be made durable (directory sync); use a local filesystem`))
  )

/** What a crash leaves of it is taken away by the next proof. */
const PROBE = ".probe"

const proveCase = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const same = yield* fs
    .exists(`${directory}/${PROBE.toUpperCase()}`)
    .pipe(Effect.mapError(unfit(`${directory} cannot be read`)))
  if (!same) return
  return yield* new UnfitStorage({
    message: `${directory} does not tell upper from lower case, and episodes whose names differ only by that would be one; use a case-sensitive filesystem`
  })
})

/** Puts one file under a name in each of the two, as an upload will be. */
const proveLink = Effect.fnUntraced(function* ({ incomingRoot, storeRoot }: Roots) {
  const fs = yield* FileSystem.FileSystem
  const [from, to] = [`${incomingRoot}/${PROBE}`, `${storeRoot}/${PROBE}`]
  const remove = Effect.andThen(fs.remove(to, { force: true }), fs.remove(from, { force: true }))
  yield* remove.pipe(Effect.mapError(unfit(`no file can be removed from ${incomingRoot} and ${storeRoot}`)))
  yield* Effect.gen(function* () {
    yield* fs
      .writeFile(from, new Uint8Array(), { flag: "wx", mode: 0o600 })
      .pipe(Effect.mapError(unfit(`no file can be made in ${incomingRoot}`)))
    yield* fs
      .link(from, to)
      .pipe(
        Effect.mapError(
          unfit(`${incomingRoot} and ${storeRoot} must be one filesystem with hard links; put them beside each other`)
        )
      )
    yield* proveCase(incomingRoot)
    yield* proveCase(storeRoot)
  }).pipe(Effect.ensuring(Effect.ignore(remove)))
})

/** That `incoming/` and the store are one filesystem with hard links, case-sensitive names and directory sync. */
export const proveStorage = Effect.fnUntraced(function* (roots: Roots) {
  for (const path of [roots.incomingRoot, roots.storeRoot, parentOf(roots.indexPath)]) yield* proveSync(path)
  yield* proveLink(roots)
})

/**
 * The one writer of a store: makes its directories, holds its lock until the scope closes, proves that the disk is fit. Whoever
 * comes second fails with `LockHeld` and touches nothing.
 */
export const holdStore = Effect.fnUntraced(function* (roots: Roots) {
  const volume = yield* Volume
  // A directory sync that does not work is a defect anywhere else; here it is what we came to find out.
  yield* Effect.forEach([roots.storeRoot, roots.incomingRoot, parentOf(roots.indexPath)], makeDirectory).pipe(
    Effect.catchDefect((defect) => Effect.fail(new UnfitStorage({ message: `directory sync: ${String(defect)}` })))
  )
  yield* volume.lock(lockPath(roots.storeRoot))
  yield* proveStorage(roots)
})
