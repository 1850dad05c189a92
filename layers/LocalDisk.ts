import * as NodeFs from "node:fs"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { LocalDisk } from "../src/services/LocalDisk.ts"
import { type Found, type Inspection, Volume } from "../src/services/Volume.ts"
import { openDescriptors } from "./localDisk/descriptors.ts"
import { infoOf } from "./localDisk/info.ts"
import { inPlace } from "./localDisk/inPlace.ts"
import { onThread } from "./localDisk/onThread.ts"
import { openFile } from "./localDisk/openFile.ts"
import { makeSyncs, type Syncs } from "./localDisk/syncs.ts"
import { inspectionOf, spaceOf, volumeError } from "./Volume.ts"

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = NodeFs.constants

/** A whole file of at most so many bytes is read, or written, in place. */
const SMALL_BYTES = 128 * 1024

/** Also what is not there, which is said in no time. Where this cannot be told, reading it says what is wrong. */
const isSoonRead = (path: string): boolean => {
  try {
    const stats = NodeFs.statSync(path, { throwIfNoEntry: false })
    return stats === undefined || (stats.isFile() && stats.size <= SMALL_BYTES)
  } catch {
    return false
  }
}

/** How those are opened that wait for nobody: a FIFO would keep the program until somebody writes into it, or reads from it. */
const flagBits: Partial<Record<FileSystem.OpenFlag, number>> = {
  r: O_RDONLY | O_NONBLOCK,
  "r+": O_RDWR | O_NONBLOCK,
  wx: O_WRONLY | O_CREAT | O_EXCL,
  "a+": O_RDWR | O_CREAT | O_APPEND
}

/** Not by `acquireRelease`: that keeps all services for the release, and copies them twice a file. */
const openInPlace = (path: string, bits: number, mode: number | undefined) =>
  Effect.flatMap(Effect.scope, (scope) =>
    Effect.uninterruptible(
      Effect.tap(
        inPlace("open", path, () => openDescriptors(path, bits, mode)),
        (descriptors) => Scope.addFinalizer(scope, Effect.orDie(inPlace("open", descriptors.cached, descriptors.close)))
      )
    )
  )

/** What is not there is no failure. To give back what a large file holds takes the kernel a while. */
const removeName = (path: string, base: FileSystem.FileSystem) =>
  Effect.flatMap(
    inPlace("remove", path, () => NodeFs.lstatSync(path, { throwIfNoEntry: false })),
    (found) => {
      if (found === undefined) return Effect.void
      if (found.isDirectory()) return base.remove(path, { force: true })
      const unlink =
        found.size <= SMALL_BYTES || found.nlink > 1
          ? inPlace("remove", path, () => NodeFs.unlinkSync(path))
          : onThread<void>("remove", path, undefined, (done) => NodeFs.unlink(path, done))
      return Effect.catchIf(
        unlink,
        (error) => error.reason._tag === "NotFound",
        () => Effect.void
      )
    }
  )

const filesOver = (base: FileSystem.FileSystem, syncs: Syncs): FileSystem.FileSystem =>
  FileSystem.make({
    ...base,
    access: (path, options) =>
      options === undefined ? inPlace("access", path, () => NodeFs.accessSync(path)) : base.access(path, options),
    lstat: (path) => inPlace("lstat", path, () => infoOf(NodeFs.lstatSync(path, { bigint: true }))),
    link: (from, to) => inPlace("link", from, () => NodeFs.linkSync(from, to)),
    makeDirectory: (path, options) =>
      options?.recursive === true
        ? base.makeDirectory(path, options)
        : inPlace("makeDirectory", path, () => void NodeFs.mkdirSync(path, { mode: options?.mode })),
    open: (path, options = {}) => {
      const bits = flagBits[options.flag ?? "r"]
      return bits === undefined
        ? base.open(path, options)
        : Effect.map(
            openInPlace(path, options.noFollow === true ? bits | O_NOFOLLOW : bits, options.mode),
            (descriptors) => openFile(descriptors, syncs, (bits & O_APPEND) !== 0)
          )
    },
    readDirectory: (path, options) =>
      options === undefined
        ? inPlace("readDirectory", path, () => NodeFs.readdirSync(path))
        : base.readDirectory(path, options),
    readFile: (path) =>
      Effect.suspend(() =>
        isSoonRead(path) ? inPlace("readFile", path, () => NodeFs.readFileSync(path)) : base.readFile(path)
      ),
    remove: (path, options) =>
      options?.force === true && options.recursive !== true ? removeName(path, base) : base.remove(path, options),
    rename: (from, to) => inPlace("rename", from, () => NodeFs.renameSync(from, to)),
    writeFile: (path, data, options) =>
      options?.flag === "wx" && data.length <= SMALL_BYTES
        ? inPlace("writeFile", path, () => NodeFs.writeFileSync(path, data, { flag: "wx", mode: options.mode }))
        : base.writeFile(path, data, options)
  })

const asked = <A>(method: string, path: string, call: () => A) =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(call())
    } catch (thrown) {
      return Effect.fail(volumeError(method, path, thrown))
    }
  })

const found = (path: string): Inspection | undefined => {
  const stats = NodeFs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && inspectionOf(stats)
}

/** Looked at without a turn of the event loop, at a few microseconds each. */
const SLICE = 256

const findAll = Effect.fnUntraced(function* (directory: string) {
  const names = yield* asked("findAll", directory, () => NodeFs.readdirSync(directory))
  const all: Array<Found> = []
  for (let at = 0; at < names.length; at += SLICE) {
    if (at > 0) yield* Effect.yieldNow
    yield* asked("findAll", directory, () => {
      for (const name of names.slice(at, at + SLICE)) all.push({ name, inspection: found(`${directory}/${name}`) })
    })
  }
  return all
})

const volumeOver = (base: Volume["Service"]): Volume["Service"] => ({
  ...base,
  inspect: (path) => asked("inspect", path, () => inspectionOf(NodeFs.lstatSync(path, { bigint: true }))),
  space: (path) => asked("space", path, () => spaceOf(NodeFs.statfsSync(path, { bigint: true }))),
  find: (path) => asked("find", path, () => found(path)),
  findAll
})

/** What reads, writes or gives back much, or syncs, stays on the thread pool. What is small may still wait there for the journal, as a turn of the pool would. */
export const layerInPlace = Layer.effect(
  LocalDisk,
  Effect.gen(function* () {
    return {
      files: filesOver(yield* FileSystem.FileSystem, makeSyncs()),
      volume: volumeOver(yield* Volume)
    }
  })
)
