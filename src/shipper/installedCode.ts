/** The commit that a checkout stands on, read from its files (gitrepository-layout(5)): no git needs to be installed. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { type Commit, isCommit } from "../domain/names.ts"

const readLine = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return Option.map(yield* Effect.option(fs.readFileString(path)), (text) => text.trim())
})

/** `.git` itself, or where a `.git` file of a worktree points. */
const gitDirectory = Effect.fnUntraced(function* (checkout: string) {
  const pointer = Option.getOrUndefined(yield* readLine(`${checkout}/.git`))
  const target = /^gitdir: (.+)$/.exec(pointer ?? "")?.[1]
  if (target === undefined) return `${checkout}/.git`
  return target.startsWith("/") ? target : `${checkout}/${target}`
})

/** Worktrees keep their branches in the main checkout. */
const commonDirectory = Effect.fnUntraced(function* (git: string) {
  const common = Option.getOrUndefined(yield* readLine(`${git}/commondir`))
  if (common === undefined) return git
  return common.startsWith("/") ? common : `${git}/${common}`
})

const packedRef = Effect.fnUntraced(function* (common: string, ref: string) {
  const packed = Option.getOrElse(yield* readLine(`${common}/packed-refs`), () => "")
  const line = packed.split("\n").find((candidate) => candidate.endsWith(` ${ref}`))
  return line?.slice(0, 40)
})

/** `undefined` where there is no checkout, or it has no commit yet. */
export const installedCommit = Effect.fnUntraced(function* (checkout: string) {
  const git = yield* gitDirectory(checkout)
  const head = Option.getOrUndefined(yield* readLine(`${git}/HEAD`))
  const ref = /^ref: (refs\/[^\s]+)$/.exec(head ?? "")?.[1]
  if (ref === undefined) return asCommit(head)
  const common = yield* commonDirectory(git)
  const loose = Option.getOrUndefined(yield* readLine(`${common}/${ref}`))
  return asCommit(loose ?? (yield* packedRef(common, ref)))
})

const asCommit = (text: string | undefined): Commit | undefined => (isCommit(text) ? text : undefined)
