import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { systemError } from "effect/PlatformError"
import { orMissing } from "../../src/presence.ts"
import { Volume } from "../../src/services/Volume.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"

export type Files = Readonly<Record<string, Uint8Array | string>>

const info = (type: FileSystem.File.Type, size: number): FileSystem.File.Info => ({
  type,
  size: ByteSize.bytes(size),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  rdev: Option.none(),
  ino: Option.none(),
  mode: 0o600,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
})

const missing = (path: string) =>
  systemError({ _tag: "NotFound", module: "FileSystem", method: "open", pathOrDescriptor: path })

/** Files in memory by path: enough of a disk for what reads small files, and for nothing else. */
export const memoryFiles = (files: Files) => {
  const held = new Map(Object.entries(files).map(([path, content]) => [path, new Uint8Array(Buffer.from(content))]))
  const isDirectory = (path: string) => [...held.keys()].some((other) => other.startsWith(`${path}/`))
  const look = (path: string) =>
    Effect.suspend(() => {
      const bytes = held.get(path)
      if (bytes !== undefined) return Effect.succeed(info("File", bytes.length))
      return isDirectory(path) ? Effect.succeed(info("Directory", 0)) : Effect.fail(missing(path))
    })
  const readFile = (path: string) =>
    Effect.suspend(() => {
      const bytes = held.get(path)
      return bytes === undefined ? Effect.fail(missing(path)) : Effect.succeed(bytes)
    })
  const write = (path: string, content: string) =>
    Effect.sync(() => void held.set(path, new TextEncoder().encode(content)))
  const rename = (from: string, to: string) =>
    Effect.map(readFile(from), (bytes) => {
      held.delete(from)
      held.set(to, bytes)
    })
  const namesIn = (path: string) => [
    ...new Set(
      [...held.keys()]
        .filter((other) => other.startsWith(`${path}/`))
        .map((other) => other.slice(path.length + 1).split("/")[0] ?? "")
    )
  ]
  const fs = FileSystem.layerNoop({
    lstat: look,
    stat: look,
    readFile,
    readFileString: (path) => Effect.map(readFile(path), (bytes) => new TextDecoder().decode(bytes)),
    readDirectory: (path) => Effect.sync(() => namesIn(path)),
    writeFileString: write,
    rename
  })
  const inspect = (path: string) =>
    Effect.map(look(path), ({ size, type }) => ({
      type,
      size: Number(ByteSize.toBigInt(size)),
      mode: 0o700,
      mtimeNs: 0n
    }))
  const volume = Layer.mock(Volume)({
    inspect,
    find: (path) => orMissing(inspect(path)),
    countHolding: () => Effect.succeed({ count: 0, first: undefined }),
    lightest: () => Effect.succeed({ first: [], behind: 0, total: 0 }),
    space: () => Effect.succeed({ freeBytes: 1, totalBytes: 2, freeInodes: 1, totalInodes: 1 })
  })
  return { held, layer: Layer.merge(fs, volume) }
}

export const paths = pathsBelow("/data")

/** The data root of a lab host with these files in it. */
export const onHost = <A, E>(
  files: Files,
  effect: Effect.Effect<A, E, FileSystem.FileSystem | Volume | Layout>
): Effect.Effect<A, E> => effect.pipe(Effect.provide(memoryFiles(files).layer), Effect.provideService(Layout, paths))
