/** As Node's `fs.rm`: one call for every name, and what is gone meanwhile is no error. */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { codeOf } from "../../../src/systemError.ts"
import { type Ask, type Purpose, platformError } from "./ask.ts"
import type { Calls, Stat } from "./disk.ts"

type Removal = Effect.Effect<void, PlatformError>

export const makeRemove = (ask: Ask, calls: Calls) => {
  const inspect = (purpose: Purpose, path: string) =>
    ask(purpose, { name: "lstat", target: path, paths: [path] }, () => calls.lstat(path))

  const unlink = (purpose: Purpose, path: string) =>
    ask(purpose, { name: "unlink", target: path, paths: [path], mutates: true }, () => calls.unlink(path))

  const rmdir = (purpose: Purpose, path: string) =>
    ask(purpose, { name: "rmdir", target: path, paths: [path], mutates: true }, () => calls.rmdir(path))

  const list = (purpose: Purpose, path: string) =>
    ask(purpose, { name: "readdir", syscall: "scandir", target: path, paths: [path] }, () => calls.readdir(path))

  const emptyAndRemove = Effect.fnUntraced(function* (purpose: Purpose, path: string) {
    for (const { name } of yield* list(purpose, path)) yield* removeTree(purpose, `${path}/${name}`)
    yield* rmdir(purpose, path)
  })

  const removeDirectory = (purpose: Purpose, path: string): Removal =>
    Effect.catchIf(
      rmdir(purpose, path),
      (error) => ["ENOTEMPTY", "EEXIST", "EPERM"].includes(codeOf(error) ?? ""),
      () => emptyAndRemove(purpose, path)
    )

  const removeTree = (purpose: Purpose, path: string): Removal =>
    inspect(purpose, path).pipe(
      Effect.flatMap(({ type }) => (type === "Directory" ? removeDirectory(purpose, path) : removeName(purpose, path))),
      Effect.catchIf(
        (error) => codeOf(error) === "ENOENT",
        () => Effect.void
      )
    )

  /** It may have become a directory since it was looked at. */
  const removeName = (purpose: Purpose, path: string): Removal =>
    Effect.catchIf(
      unlink(purpose, path),
      (error) => ["EISDIR", "EPERM"].includes(codeOf(error) ?? ""),
      () => removeDirectory(purpose, path)
    )

  return (
    path: string,
    options?: { readonly recursive?: boolean | undefined; readonly force?: boolean | undefined }
  ) => {
    const purpose: Purpose = { module: "FileSystem", method: "remove", about: path }
    const found: Effect.Effect<Stat | undefined, PlatformError> = options?.force
      ? Effect.catchIf(
          inspect(purpose, path),
          (error) => codeOf(error) === "ENOENT",
          () => Effect.undefined
        )
      : inspect(purpose, path)
    return Effect.flatMap(found, (stat): Removal => {
      if (stat === undefined) return Effect.void
      if (stat.type === "Directory" && options?.recursive !== true)
        return Effect.fail(platformError(purpose, isDirectory(path)))
      return removeTree(purpose, path)
    })
  }
}

/** Node's own. */
const isDirectory = (path: string): Error =>
  Object.assign(new Error(`Path is a directory: rm returned EISDIR (is a directory) ${path}`), {
    code: "ERR_FS_EISDIR",
    syscall: "rm",
    path
  })
