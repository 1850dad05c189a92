/** Whether the oldest episodes that wait can be read at all, and whether they keep still. */
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

/** What cannot be read. */
export interface Closed {
  readonly path: string
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
  if (first === undefined) return green("what was looked at can be read")
  const more = closed.length > 1 ? `, and ${counted(closed.length - 1, "more path")}` : ""
  const episode = word(episodeOf(first.path))
  return yellow(
    `${first.path} cannot be read (${first.why})${more}; the episode waits`,
    first.denied
      ? `sudo chown -R --reference=${word(root)} ${episode} && sudo chmod -R u+rX ${episode}`
      : `sudo dmesg --level=err,warn | tail -n 20; findmnt --target ${episode}`
  )
}

/** Who runs the shipper: whoever owns the data root; root reads everything. */
const mayRead = (info: FileSystem.File.Info, owner: number | undefined, group: number | undefined): boolean => {
  if (owner === undefined || owner === 0) return true
  const needs = info.type === "Directory" ? 0o5 : 0o4
  const mine = Option.getOrUndefined(info.uid) === owner ? 6 : Option.getOrUndefined(info.gid) === group ? 3 : 0
  return ((info.mode >> mine) & needs) === needs
}

const tryPath = Effect.fnUntraced(function* (path: string, root: FileSystem.File.Info) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* orMissing(fs.lstat(path))
  if (info === undefined || (info.type !== "File" && info.type !== "Directory")) return { closed: undefined, below: [] }
  const owner = Option.getOrUndefined(root.uid)
  if (!mayRead(info, owner, Option.getOrUndefined(root.gid))) {
    return { closed: { path, why: "not for the owner of the data root", denied: true }, below: [] }
  }
  yield* fs.access(path, { readable: true })
  const names = info.type === "Directory" ? ((yield* orMissing(fs.readDirectory(path))) ?? []) : []
  return { closed: undefined, below: names.map((name) => `${path}/${name}`) }
})

const asClosed = (path: string, error: import("effect/PlatformError").PlatformError): Closed => ({
  path,
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
