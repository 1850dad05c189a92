import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { type PlatformError, systemError } from "effect/PlatformError"

export type Operation = "sync" | "writeAll" | "truncate" | "link" | "rename" | "remove" | "read"

/** As Node's layer makes it of an errno. */
export const errno = (code: string, path: string): PlatformError =>
  systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method: "test",
    pathOrDescriptor: path,
    cause: Object.assign(new Error(`${code}: made by the test`), { code })
  })

/** A real file system that counts, and fails where the test says. */
export const makeFaultyFiles = () => {
  const control = {
    /** Every call so far, as `operation path`. */
    calls: [] as Array<string>,
    /** The error a call gets instead of being done. */
    fault: (_operation: Operation, _path: string): PlatformError | undefined => undefined,
    /** Bytes that a failing `writeAll` writes nevertheless. */
    written: 0
  }
  const count = (operation: Operation, within: string): number =>
    control.calls.filter((call) => call.startsWith(`${operation} `) && call.includes(within)).length

  const guard = <A>(operation: Operation, path: string, call: Effect.Effect<A, PlatformError>) =>
    Effect.suspend(() => {
      control.calls.push(`${operation} ${path}`)
      const error = control.fault(operation, path)
      return error === undefined ? call : Effect.fail(error)
    })

  const guardFile = (path: string, file: FileSystem.File): FileSystem.File => ({
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: Effect.suspend(() => file.stat),
    seek: (offset, from) => file.seek(offset, from),
    sync: guard(
      "sync",
      path,
      Effect.suspend(() => file.sync)
    ),
    read: (buffer, options) => guard("read", path, file.read(buffer, options)),
    readAlloc: (size, options) => file.readAlloc(size, options),
    truncate: (length) => guard("truncate", path, file.truncate(length)),
    write: (buffer) => file.write(buffer),
    writeAll: (buffer) =>
      guard("writeAll", path, file.writeAll(buffer)).pipe(
        Effect.tapError(() => file.writeAll(buffer.subarray(0, control.written)))
      )
  })

  const layer = Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) =>
      FileSystem.FileSystem.of({
        ...fs,
        open: (path, options) => Effect.map(fs.open(path, options), (file) => guardFile(path, file)),
        link: (from, to) => guard("link", to, fs.link(from, to)),
        rename: (from, to) => guard("rename", to, fs.rename(from, to)),
        remove: (path, options) => guard("remove", path, fs.remove(path, options))
      })
    )
  ).pipe(Layer.provide(NodeFileSystem.layer))

  return { control, count, layer }
}
