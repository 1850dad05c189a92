import * as NodeFs from "node:fs"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { LocalDisk } from "../src/services/LocalDisk.ts"
import { Volume } from "../src/services/Volume.ts"
import { infoOf } from "./localDisk/info.ts"
import { inPlace } from "./localDisk/inPlace.ts"
import { onThread } from "./localDisk/onThread.ts"
import { readOnlyFile } from "./localDisk/readOnlyFile.ts"
import { inspectionOf, volumeError } from "./Volume.ts"

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = NodeFs.constants

/** A whole file of at most so many bytes is read in place. */
const SMALL_BYTES = 128 * 1024

/** Where this cannot be told the file is read as any other, and what is wrong is said then. */
const isSmallFile = (path: string): boolean => {
  try {
    const found = NodeFs.statSync(path)
    return found.isFile() && found.size <= SMALL_BYTES
  } catch {
    return false
  }
}

/** Without waiting: a FIFO would else keep the program until somebody writes into it. */
const openToRead = (path: string, noFollow: boolean) =>
  Effect.acquireRelease(
    inPlace("open", path, () => NodeFs.openSync(path, O_RDONLY | O_NONBLOCK | (noFollow ? O_NOFOLLOW : 0))),
    (descriptor) => Effect.orDie(inPlace("open", descriptor, () => NodeFs.closeSync(descriptor)))
  )

/** What is not there costs no turn of the thread pool, and is no failure. */
const removeName = (path: string, base: FileSystem.FileSystem) =>
  Effect.flatMap(
    inPlace("remove", path, () => NodeFs.lstatSync(path, { throwIfNoEntry: false })),
    (found) => {
      if (found === undefined) return Effect.void
      if (found.isDirectory()) return base.remove(path, { force: true })
      return Effect.catchIf(
        onThread<void>("remove", path, undefined, (done) => NodeFs.unlink(path, done)),
        (error) => error.reason._tag === "NotFound",
        () => Effect.void
      )
    }
  )

const filesOver = (base: FileSystem.FileSystem): FileSystem.FileSystem =>
  FileSystem.make({
    ...base,
    access: (path, options) =>
      options === undefined ? inPlace("access", path, () => NodeFs.accessSync(path)) : base.access(path, options),
    lstat: (path) => inPlace("lstat", path, () => infoOf(NodeFs.lstatSync(path, { bigint: true }))),
    open: (path, options) =>
      (options?.flag ?? "r") === "r"
        ? Effect.map(openToRead(path, options?.noFollow ?? false), readOnlyFile)
        : base.open(path, options),
    readDirectory: (path, options) =>
      options === undefined
        ? inPlace("readDirectory", path, () => NodeFs.readdirSync(path))
        : base.readDirectory(path, options),
    readFile: (path) =>
      Effect.suspend(() =>
        isSmallFile(path) ? inPlace("readFile", path, () => NodeFs.readFileSync(path)) : base.readFile(path)
      ),
    remove: (path, options) =>
      options?.force === true && options.recursive !== true ? removeName(path, base) : base.remove(path, options)
  })

const inspect: Volume["Service"]["inspect"] = (path) =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(inspectionOf(NodeFs.lstatSync(path, { bigint: true })))
    } catch (thrown) {
      return Effect.fail(volumeError("inspect", path, thrown))
    }
  })

/** What creates, writes much or syncs stays on the thread pool: it may wait for the journal. */
export const layerInPlace = Layer.effect(
  LocalDisk,
  Effect.gen(function* () {
    const volume = yield* Volume
    return {
      files: filesOver(yield* FileSystem.FileSystem),
      volume: { ...volume, inspect }
    }
  })
)
