import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import { concat } from "../domain/concat.ts"
import { parentOf } from "../domain/parentOf.ts"
import type { IndexRow } from "../domain/row.ts"
import * as Durable from "../durable.ts"
import { type Change, type Coverage, Lookup } from "../services/Lookup.ts"
import { isFull, wordsOf } from "../systemError.ts"
import { followIndex, sizeAndInode } from "./followIndex.ts"
import { makeGroupCommit } from "./groupCommit.ts"
import { holdStore } from "./holdStore.ts"
import { inspectTail, mend, renew } from "./indexTail.ts"
import { findLastRow, findRow } from "./readRow.ts"
import { formatRow } from "./rowLine.ts"
import { type EpisodeName, nameOf, type StoreOptions } from "./storePaths.ts"
import { IndexUnavailable } from "./trouble.ts"

/** The index, open for its only writer: whoever has it holds the store. */
export class IndexLog extends Context.Service<
  IndexLog,
  {
    /** The standing row of a name. */
    readonly find: (name: EpisodeName) => Effect.Effect<IndexRow | undefined, PlatformError>
    /** The same, or what the row said that was withdrawn last, its `status` still `withdrawn`. */
    readonly findLast: (name: EpisodeName) => Effect.Effect<IndexRow | undefined, PlatformError>
    /** Durable when this returns; rows that wait share a write and a sync. Dies when the sync fails. */
    readonly append: (row: IndexRow) => Effect.Effect<void, IndexUnavailable>
    /** Why no row can be appended now, in words. */
    readonly trouble: Effect.Effect<string | undefined>
    /** A crash had torn the last line, and the store has not been gone through since: stored files may have lost their rows. */
    readonly wasTorn: boolean
    /** The store has been gone through. */
    readonly isMended: Effect.Effect<void, PlatformError>
  }
>()("cis490/receiver/IndexLog") {}

const NEW_FILE_MODE = 0o600

/** The lookup is told of so many rows at once; until then they are found here. A crash leaves it so far behind, and the next start reads them. */
const MOST_BEHIND = 64

const openFile = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "a+", mode: NEW_FILE_MODE, noFollow: true })
  // It may be new, and its name not durable yet.
  yield* Durable.syncDirectory(parentOf(path))
  return file
})

/** Remembers that the index was torn until the store has been gone through, over any number of crashes. */
const tornMark = (indexPath: string): string => `${indexPath}.torn`

/** Gives the length of what is left. */
const mendTail = Effect.fnUntraced(function* (file: FileSystem.File, path: string) {
  const tail = yield* inspectTail(file)
  if (tail.torn > 0) {
    yield* Durable.write(tornMark(path), "")
    yield* Effect.logWarning("cutting off the torn last line of the index").pipe(
      Effect.annotateLogs({ index: path, bytes: tail.torn })
    )
  }
  return yield* mend(file, tail)
})

const reportUnreadable = (path: string, lines: number, at: ReadonlyArray<number>): Effect.Effect<void> =>
  lines === 0
    ? Effect.void
    : Effect.logWarning("the index has lines that are no rows; they are kept and count for nothing").pipe(
        Effect.annotateLogs({ index: path, lines, at: at.join(",") })
      )

const unavailable = (what: string) => (error: PlatformError) =>
  new IndexUnavailable({ message: `${what}: ${wordsOf(error)}`, full: isFull(error) })

/** What the rows change once their lines lie in the index from `offset` on. */
const changesOf = (rows: ReadonlyArray<IndexRow>, lines: ReadonlyArray<Uint8Array>, offset: number) => {
  let at = offset
  return rows.map((row, i): Change => {
    const place = { offset: at, length: (lines[i]?.length ?? 1) - 1 }
    at += place.length + 1
    return { hostId: row.host_id, episodeId: row.episode_id, place, stands: row.status !== "withdrawn" }
  })
}

const makeWriter = Effect.fnUntraced(function* (file: FileSystem.File, start: number) {
  const lookup = yield* Lookup
  const { inode } = yield* sizeAndInode(file)
  const encoder = new TextEncoder()
  /** Where the last good line ends. */
  let end = start
  /** Something of a failed append lies behind `end`, and this is why it is still there. */
  let overhang: IndexUnavailable | undefined

  const cutBack = Effect.suspend(() => file.truncate(end)).pipe(
    Effect.mapError(unavailable("a row that was not written whole could not be taken back")),
    Effect.tap(() => Effect.sync(() => void (overhang = undefined))),
    Effect.tapError((error) => Effect.sync(() => void (overhang = error)))
  )

  const write = (bytes: Uint8Array) =>
    file.writeAll(bytes).pipe(
      Effect.mapError(unavailable("the index could not be written")),
      // What cannot be cut back now is cut back before the next row: see `commit`.
      Effect.tapError((error) =>
        Effect.andThen(
          Effect.sync(() => void (overhang = error)),
          Effect.ignore(cutBack)
        )
      )
    )

  /** What the lookup was not told yet, by name, and how far it reaches then. */
  const behind = new Map<string, Change>()
  let reach: Coverage | undefined
  const isFarBehind = (): boolean => behind.size >= MOST_BEHIND
  const tellLookup = Effect.suspend(() =>
    reach === undefined || !isFarBehind()
      ? Effect.void
      : Effect.andThen(
          lookup.apply([...behind.values()], reach),
          Effect.sync(() => behind.clear())
        )
  ).pipe(Effect.mapError(({ full, message }) => new IndexUnavailable({ message, full })))
  const lineOf: Lookup["Service"]["find"] = (hostId, episodeId) =>
    Effect.suspend(() => {
      const change = behind.get(nameOf({ hostId, episodeId }))
      return change === undefined
        ? lookup.find(hostId, episodeId)
        : Effect.succeed({ ...change.place, stands: change.stands })
    })

  const commit = Effect.fnUntraced(function* (waiting: ReadonlyArray<ReadonlyArray<IndexRow>>) {
    if (overhang !== undefined) yield* cutBack
    yield* tellLookup
    const rows = waiting.flat()
    if (rows.length === 0) return
    const texts = rows.map(formatRow)
    const lines = texts.map((text) => encoder.encode(text))
    const bytes = concat(lines)
    yield* write(bytes)
    // A crash here leaves some of the lines, the last one perhaps torn: their files are stored, so that what is left of them is true.
    yield* Durable.syncFile(file)
    // A crash here leaves the lookup behind; the next start reads these lines again.
    for (const change of changesOf(rows, lines, end)) behind.set(nameOf(change), change)
    const text = (texts.at(-1) ?? "").slice(0, -1)
    const length = (lines.at(-1)?.length ?? 1) - 1
    end += bytes.length
    reach = { bytes: end, inode, lastLine: { offset: end - length - 1, length, text } }
    // These rows count whether or not the lookup can be told now: until it can, they are found here, and not many more are taken.
    yield* Effect.ignore(tellLookup)
  }, Effect.uninterruptible)

  const submit = yield* makeGroupCommit(commit)
  return {
    lineOf,
    append: (row: IndexRow) => submit([row]),
    trouble: Effect.suspend(() =>
      // Nothing may come to be appended while this says no: asking is the attempt to mend it.
      overhang === undefined && !isFarBehind()
        ? Effect.undefined
        : Effect.match(submit([]), { onFailure: ({ message }) => message, onSuccess: () => undefined })
    )
  }
})

/** Holds the store, cuts off a torn tail, brings the lookup up to date. */
const open = Effect.fnUntraced(function* (options: StoreOptions) {
  yield* holdStore(options)
  const lookup = yield* Lookup
  const fs = yield* FileSystem.FileSystem
  const file = yield* openFile(options.indexPath)
  const end = yield* mendTail(file, options.indexPath)
  yield* renew(options.indexPath, end)
  const followed = yield* Effect.catchTag(followIndex(file), "LookupUnavailable", ({ full, message }) =>
    Effect.fail(new IndexUnavailable({ message, full }))
  )
  yield* reportUnreadable(options.indexPath, followed.unreadable, followed.unreadableAt)
  const { lineOf, ...writer } = yield* makeWriter(file, end)
  const within = Effect.provideService(Lookup, { ...lookup, find: lineOf })
  return IndexLog.of({
    ...writer,
    find: (name) => within(findRow(file, name)),
    findLast: (name) => within(findLastRow(file, name)),
    wasTorn: yield* fs.exists(tornMark(options.indexPath)),
    isMended: Effect.provideService(Durable.remove(tornMark(options.indexPath)), FileSystem.FileSystem, fs)
  })
})

export const layerIndexLog = (options: StoreOptions) => Layer.effect(IndexLog, open(options))
