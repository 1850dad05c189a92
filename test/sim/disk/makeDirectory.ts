/** As Node's `fs.mkdir`: with `recursive` from below, and upwards where something is missing (`MKDirp`). */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { codeOf } from "../../../src/systemError.ts"
import type { Ask, Purpose } from "./ask.ts"
import type { Calls } from "./disk.ts"
import { fail } from "./errno.ts"

const NEW_DIRECTORY_MODE = 0o777

const parentOf = (path: string): string => {
  const bare = path.replace(/\/+$/, "")
  return bare.slice(0, Math.max(0, bare.lastIndexOf("/"))) || "/"
}

export const makeMakeDirectory = (ask: Ask, calls: Calls) => {
  const make = (purpose: Purpose, path: string, mode: number) =>
    ask(purpose, { name: "mkdir", target: path, paths: [path], mutates: true }, () => calls.mkdir(path, mode))

  /** What was in the way may be what was wanted. */
  const accept = (purpose: Purpose, path: string, isParent: boolean) =>
    ask(purpose, { name: "stat", syscall: "mkdir", target: path, paths: [path] }, () => {
      const type = isParent ? calls.typeOf(path) : calls.stat(path).type
      if (type !== "Directory") fail(isParent ? "ENOTDIR" : "EEXIST")
    })

  const makeAll = (
    purpose: Purpose,
    path: string,
    mode: number,
    isParent: boolean
  ): Effect.Effect<void, PlatformError> =>
    Effect.catch(make(purpose, path, mode), (error) => {
      const code = codeOf(error)
      if (code === "EEXIST") return accept(purpose, path, isParent)
      if (code !== "ENOENT" || parentOf(path) === path) return Effect.fail(error)
      return Effect.andThen(makeAll(purpose, parentOf(path), mode, true), makeAll(purpose, path, mode, isParent))
    })

  return (
    path: string,
    options?: { readonly recursive?: boolean | undefined; readonly mode?: number | undefined }
  ): Effect.Effect<void, PlatformError> => {
    const purpose: Purpose = { module: "FileSystem", method: "makeDirectory", about: path }
    const mode = options?.mode ?? NEW_DIRECTORY_MODE
    return options?.recursive === true ? makeAll(purpose, path, mode, false) : make(purpose, path, mode)
  }
}
