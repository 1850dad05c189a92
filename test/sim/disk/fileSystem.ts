/** Effect's `FileSystem` on a simulated disk, call by call as its layer for Node makes them. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { Process } from "../kernel/process.ts"
import { makeAsk, type Purpose } from "./ask.ts"
import type { Calls, OpenFile, OpenFlags } from "./disk.ts"
import { infoOf, makeHandle, writeSome } from "./handle.ts"
import { makeMakeDirectory } from "./makeDirectory.ts"
import { openScoped } from "./openScoped.ts"
import { makeRemove } from "./remove.ts"

const read = { read: true } as const
const write = { write: true, create: true, truncate: true } as const
const append = { write: true, create: true, append: true } as const

const flagsOf: Readonly<Record<FileSystem.OpenFlag, OpenFlags>> = {
  r: read,
  "r+": { read: true, write: true },
  w: write,
  wx: { ...write, exclusive: true },
  "w+": { ...write, ...read },
  "wx+": { ...write, ...read, exclusive: true },
  a: append,
  ax: { ...append, exclusive: true },
  "a+": { ...append, ...read },
  "ax+": { ...append, ...read, exclusive: true }
}

const notSimulated = (method: string) => (): Effect.Effect<never> => Effect.die(new Error(`not simulated: ${method}`))

const nanosOf = (time: Date | number): bigint =>
  typeof time === "number" ? BigInt(Math.round(time * 1e6)) * 1000n : BigInt(time.getTime()) * 1_000_000n

const NEW_FILE_MODE = 0o666

const purpose = (method: string, path: string): Purpose => ({ module: "FileSystem", method, about: path })

export const makeFileSystem = (process: Process, calls: Calls): FileSystem.FileSystem => {
  const ask = makeAsk(process)
  const random = process.random.fork("short writes")

  const opened = (method: string, path: string, flags: OpenFlags, mode = NEW_FILE_MODE) =>
    openScoped(ask, calls, purpose(method, path), path, flags, mode)

  /** One call on one path. */
  const onPath = <A>(
    method: string,
    path: string,
    call: { readonly name: string; readonly syscall?: string; readonly mutates?: boolean },
    act: () => A
  ) => ask(purpose(method, path), { ...call, target: path, paths: [path] }, act)

  const onTwo = (name: string, from: string, to: string, act: () => void) =>
    ask(purpose(name, from), { name, target: `${from} → ${to}`, paths: [from, to], mutates: true }, act)

  const whole = (file: OpenFile, path: string) =>
    ask(purpose("readFile", path), { name: "read", target: path, paths: [path] }, () => {
      const bytes = new Uint8Array(file.inode.kind === "File" ? file.inode.content.size : 1)
      calls.read(file, bytes, 0)
      return bytes
    })

  const writeRest = (
    file: OpenFile,
    path: string,
    bytes: Uint8Array,
    at: number
  ): Effect.Effect<void, PlatformError> =>
    at >= bytes.length
      ? Effect.void
      : ask(purpose("writeFile", path), { name: "write", target: path, mutates: true }, () =>
          writeSome(calls, random, file, bytes.subarray(at), at)
        ).pipe(Effect.flatMap((count) => writeRest(file, path, bytes, at + count)))

  const entriesOf = (method: string, path: string) =>
    onPath(method, path, { name: "readdir", syscall: "scandir" }, () => calls.readdir(path))

  return FileSystem.make({
    access: (path, options) =>
      onPath("access", path, { name: "access" }, () =>
        calls.access(path, { readable: options?.readable ?? false, writable: options?.writable ?? false })
      ),
    chmod: (path, mode) => onPath("chmod", path, { name: "chmod", mutates: true }, () => calls.chmod(path, mode)),
    link: (from, to) => onTwo("link", from, to, () => calls.link(from, to)),
    lstat: (path) =>
      Effect.map(
        onPath("lstat", path, { name: "lstat" }, () => calls.lstat(path)),
        infoOf
      ),
    makeDirectory: makeMakeDirectory(ask, calls),
    open: (path, options) =>
      opened(
        "open",
        path,
        { ...flagsOf[options?.flag ?? "r"], noFollow: options?.noFollow ?? false },
        options?.mode
      ).pipe(Effect.map((file) => makeHandle({ ask, calls, random, file, path }))),
    readDirectory: (path, options) =>
      options?.recursive
        ? notSimulated("readDirectory, recursive")()
        : Effect.map(entriesOf("readDirectory", path), (entries) => entries.map(({ name }) => name)),
    readDirectoryEntries: (path) => entriesOf("readDirectoryEntries", path),
    readFile: (path) => Effect.scoped(Effect.flatMap(opened("readFile", path, read), (file) => whole(file, path))),
    readLink: (path) => onPath("readLink", path, { name: "readlink" }, () => calls.readlink(path)),
    remove: makeRemove(ask, calls),
    rename: (from, to) => onTwo("rename", from, to, () => calls.rename(from, to)),
    stat: (path) =>
      Effect.map(
        onPath("stat", path, { name: "stat" }, () => calls.stat(path)),
        infoOf
      ),
    symlink: (target, path) => onTwo("symlink", target, path, () => calls.symlink(target, path)),
    truncate: (path, length = 0) =>
      Effect.scoped(
        Effect.flatMap(opened("truncate", path, flagsOf["r+"]), (file) =>
          onPath("truncate", path, { name: "truncate", syscall: "ftruncate", mutates: true }, () =>
            calls.ftruncate(file, Math.max(0, length))
          )
        )
      ),
    utimes: (path, atime, mtime) =>
      ask(
        { module: "FileSystem", method: "utime", about: path },
        { name: "utimes", syscall: "utime", target: path, paths: [path], mutates: true },
        () => calls.utimes(path, nanosOf(atime), nanosOf(mtime))
      ),
    writeFile: (path, data, options) =>
      Effect.scoped(
        Effect.flatMap(opened("writeFile", path, flagsOf[options?.flag ?? "w"], options?.mode), (file) =>
          writeRest(file, path, data, 0)
        )
      ),
    chown: notSimulated("chown"),
    copy: notSimulated("copy"),
    copyFile: notSimulated("copyFile"),
    makeTempDirectory: notSimulated("makeTempDirectory"),
    makeTempDirectoryScoped: notSimulated("makeTempDirectoryScoped"),
    makeTempFile: notSimulated("makeTempFile"),
    makeTempFileScoped: notSimulated("makeTempFileScoped"),
    realPath: notSimulated("realPath"),
    watch: () => Stream.unwrap(notSimulated("watch")())
  })
}

export const layerFileSystem = (process: Process, calls: Calls): Layer.Layer<FileSystem.FileSystem> =>
  Layer.sync(FileSystem.FileSystem, () => makeFileSystem(process, calls))
