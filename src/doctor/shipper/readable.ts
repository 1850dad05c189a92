/** Whether the oldest episodes that wait can be read, moved and deleted at all, and whether they keep still. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { counted } from "../../domain/humanize.ts"
import { orMissing } from "../../presence.ts"
import { readLastWords } from "../../shipper/lastWords.ts"
import { Layout } from "../../shipper/layout.ts"
import { isRestless, readTally } from "../../shipper/notes.ts"
import { wordsOf } from "../../systemError.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, yellow } from "../row.ts"
import { word } from "../shell.ts"
import type { Waiting } from "./episodes.ts"

/** What cannot be done with a path. */
export interface Closed {
  readonly path: string
  readonly what: "read" | "moved or deleted"
  readonly why: string
  /** Whether permissions are all that is wrong. */
  readonly denied: boolean
}

const EPISODES = 100
const PATHS = 2000

/** `root` owns what is the shipper's. */
export const judgeReadable = (
  closed: ReadonlyArray<Closed>,
  episodeOf: (path: string) => string,
  root: string
): Finding => {
  const [first] = closed
  if (first === undefined) return green("what was looked at can be read and moved")
  const more = closed.length > 1 ? `, and ${counted(closed.length - 1, "more path")}` : ""
  const episode = word(episodeOf(first.path))
  return yellow(
    `${first.path} cannot be ${first.what} (${first.why})${more}; the episode waits`,
    first.denied
      ? `sudo chown -R --reference=${word(root)} ${episode} && sudo chmod -R u+rX ${episode}`
      : `sudo dmesg --level=err,warn | tail -n 20; findmnt --target ${episode}`
  )
}

/**
 * What whoever runs the shipper cannot do: the owner of the data root, whom a directory lets move it and delete what is in it where he may
 * write there, or owns it and so may make it writable. Root may do everything.
 */
export const deniedTo = (
  { uid: owner, gid: group }: Pick<FileSystem.File.Info, "uid" | "gid">,
  { gid, mode, type, uid }: Pick<FileSystem.File.Info, "uid" | "gid" | "mode" | "type">
): Closed["what"] | undefined => {
  const runner = Option.getOrUndefined(owner)
  if (runner === undefined || runner === 0) return undefined
  const isOwner = Option.getOrUndefined(uid) === runner
  const shift = isOwner ? 6 : Option.getOrUndefined(gid) === Option.getOrUndefined(group) ? 3 : 0
  const may = (bits: number): boolean => ((mode >> shift) & bits) === bits
  if (!may(type === "Directory" ? 0o5 : 0o4)) return "read"
  return type !== "Directory" || isOwner || may(0o7) ? undefined : "moved or deleted"
}

const tryPath = Effect.fnUntraced(function* (path: string, root: FileSystem.File.Info) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* orMissing(fs.lstat(path))
  if (info === undefined || (info.type !== "File" && info.type !== "Directory")) return { closed: undefined, below: [] }
  const what = deniedTo(root, info)
  if (what !== undefined) {
    return { closed: { path, what, why: "not by the owner of the data root", denied: true }, below: [] }
  }
  yield* fs.access(path, { readable: true })
  const names = info.type === "Directory" ? ((yield* orMissing(fs.readDirectory(path))) ?? []) : []
  return { closed: undefined, below: names.map((name) => `${path}/${name}`) }
})

const asClosed = (path: string, error: import("effect/PlatformError").PlatformError): Closed => ({
  path,
  what: "read",
  why: wordsOf(error),
  denied: error.reason._tag === "PermissionDenied"
})

/** Files of the oldest episodes, as far as a look may go. */
const tryAll = Effect.fnUntraced(function* (directories: ReadonlyArray<string>, root: FileSystem.File.Info) {
  const closed: Array<Closed> = []
  const pending = directories.toReversed()
  for (let path = pending.pop(), seen = 0; path !== undefined && seen < PATHS; path = pending.pop(), seen++) {
    const at = path
    const tried = yield* Effect.catch(tryPath(at, root), (error) =>
      Effect.succeed({ closed: error.reason._tag === "NotFound" ? undefined : asClosed(at, error), below: [] })
    )
    if (tried.closed !== undefined) closed.push(tried.closed)
    pending.push(...tried.below)
  }
  return closed
})

/** The file that the shipper named last, read as far as it can be: what a disk does not give back shows in no permission. */
const tryNamed = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { episodes } = yield* Layout
  const path = /'([^']+)'/.exec((yield* readLastWords).last_error ?? "")?.[1]
  if (path === undefined || !path.startsWith(`${episodes}/`)) return []
  if ((yield* orMissing(fs.lstat(path)))?.type !== "File") return []
  return yield* fs.open(path, { flag: "r", noFollow: true }).pipe(
    Effect.flatMap((file) => file.read(new Uint8Array(65_536))),
    Effect.scoped,
    Effect.match({
      onFailure: (error) => (error.reason._tag === "NotFound" ? [] : [asClosed(path, error)]),
      onSuccess: () => []
    })
  )
})

export const lookAtReadable = Effect.fnUntraced(function* (waiting: ReadonlyArray<Waiting>) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const root = yield* orMissing(fs.lstat(paths.root))
  if (root === undefined) return [green("nothing there yet")]
  const oldest = waiting.slice(0, EPISODES).map(({ id }) => paths.episode(id))
  const closed = [...(yield* tryNamed), ...(yield* tryAll(oldest, root))]
  const once = [...new Map(closed.map((each) => [each.path, each])).values()]
  const episodeOf = (path: string): string =>
    path
      .split("/")
      .slice(0, paths.episodes.split("/").length + 1)
      .join("/")
  return [judgeReadable(once, episodeOf, paths.root)]
})

/** `command`: one of the shipper's. */
export const judgeChanging = (
  restless: ReadonlyArray<string>,
  directoryOf: (id: string) => string,
  command: (args: string) => string
): Finding => {
  const [first] = restless
  if (first === undefined) return green("finished episodes stay as they are")
  const more = restless.length > 1 ? ` and ${restless.length - 1} more` : ""
  return yellow(
    `${first}${more} changed three times in a row after done.marker: whoever still writes there must stop; tried hourly`,
    `sudo find ${word(directoryOf(first))} -newer ${word(`${directoryOf(first)}/done.marker`)} -ls; ${command(`retry ${restless.join(" ")}`)}`
  )
}

export const lookAtChanging = Effect.fnUntraced(function* (waiting: ReadonlyArray<Waiting>) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const noted = new Set((yield* orMissing(fs.readDirectory(`${paths.state}/tally`))) ?? [])
  const ids = waiting.map(({ id }) => id).filter((id) => noted.has(`${id}.json`))
  const tallies = yield* Effect.forEach(ids, (id) => Effect.map(readTally(id), (tally) => ({ id, tally })))
  const restless = tallies.filter(({ tally }) => isRestless(tally)).map(({ id }) => id)
  return [judgeChanging(restless, paths.episode, (yield* Ourselves).command)]
})
