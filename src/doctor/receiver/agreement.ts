/** Holds the index against the store by their names, without changing either, beside a receiver at work. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import { isHostId } from "../../domain/names.ts"
import { orMissing } from "../../presence.ts"
import { eachLine, readTextAt } from "../../receiver/followIndex.ts"
import { parseLine, subjectOf } from "../../receiver/rowLine.ts"
import { type EpisodeName, nameOf, parseStored, type StoreOptions, storedPath } from "../../receiver/storePaths.ts"
import { Volume } from "../../services/Volume.ts"
import { makeLedger } from "./ledger.ts"
import { makeFingerprint } from "./names.ts"
import { namesIn } from "./ourLine.ts"

/** How many, and some of them by name. */
export interface Some {
  readonly count: number
  readonly named: ReadonlyArray<string>
}

export interface Agreement {
  /** Stored files. */
  readonly files: number
  /** Standing rows. */
  readonly rows: number
  /** Standing rows without their file. */
  readonly missing: Some
  /** Stored files without a row. */
  readonly unindexed: Some
  /** Rows of the sample whose file has another size. */
  readonly otherSize: ReadonlyArray<string>
  /** Rows whose file was looked at. */
  readonly sampled: number
  /** Lines that are no rows. */
  readonly unreadable: number
}

const NAMED = 5
/** Rows whose stored file is looked at, spread over the whole index. */
const SAMPLE = 200
/** A file that is being stored has its row by then. */
const SETTLE_MILLIS = 1000
const HOSTS_AT_ONCE = 4

type Roots = Pick<StoreOptions, "indexPath" | "storeRoot">

type HostId = EpisodeName["hostId"]

const hostsIn = Effect.fnUntraced(function* (storeRoot: string) {
  const fs = yield* FileSystem.FileSystem
  const entries = yield* fs.readDirectoryEntries(storeRoot)
  const directories = entries.filter(({ type }) => type === "Directory").map(({ name }) => name)
  return directories.filter(isHostId).toSorted()
})

/** Hands over everything that is stored of a host. */
const eachStored = Effect.fnUntraced(function* (storeRoot: string, hostId: HostId, take: (name: EpisodeName) => void) {
  const fs = yield* FileSystem.FileSystem
  for (const file of (yield* orMissing(fs.readDirectory(`${storeRoot}/${hostId}`))) ?? []) {
    const episodeId = parseStored(file)
    if (episodeId !== undefined) take({ hostId, episodeId })
  }
})

/** The names of rows and files, as they are read. */
const makeCensus = () => {
  const ledger = makeLedger()
  const fingerprint = makeFingerprint()
  const utf8 = new TextDecoder()
  let unreadable = 0

  const readInFull = (text: string, offset: number): void => {
    const subject = subjectOf(text)
    if (Predicate.isObject(subject)) {
      const key = fingerprint.ofNames(subject.name.hostId, subject.name.episodeId)
      if (subject.stands) ledger.setRow(key, offset)
      else ledger.dropRow(key)
    } else if (subject === "unreadable") unreadable++
  }

  return {
    addFile: ({ episodeId, hostId }: EpisodeName, host: number): void =>
      ledger.addFile(fingerprint.ofNames(hostId, episodeId), host),
    addLine: (bytes: Uint8Array, from: number, to: number, offset: number): void => {
      const names = namesIn(bytes, from, to)
      if (names === undefined) return readInFull(utf8.decode(bytes.subarray(from, to)), offset)
      const { episode, episodeEnd, host, hostEnd } = names
      ledger.setRow(fingerprint.ofBytes(bytes, host, hostEnd, episode, episodeEnd), offset)
    },
    isUnindexed: ({ episodeId, hostId }: EpisodeName): boolean => {
      const { file, row } = ledger.at(fingerprint.ofNames(hostId, episodeId))
      return file !== undefined && row === undefined
    },
    result: () => {
      let files = 0
      let unindexed = 0
      const hosts = new Set<number>()
      const kept: Array<number> = []
      const lost: Array<number> = []
      ledger.each(({ file, row }) => {
        if (file !== undefined) files++
        if (row !== undefined) (file === undefined ? lost : kept).push(row)
        else if (file !== undefined) {
          unindexed++
          hosts.add(file)
        }
      })
      return { files, unindexed, hosts, unreadable, kept, lost }
    }
  }
}
type Census = ReturnType<typeof makeCensus>

const readRow = Effect.fnUntraced(function* (file: FileSystem.File, offset: number) {
  const text = yield* readTextAt(file, offset, 4096)
  const line = parseLine(text.split("\n")[0] ?? "")
  return line._tag === "Stands"
    ? { row: line.row, name: { hostId: line.row.host_id, episodeId: line.row.episode_id } }
    : undefined
})

/** Rows whose file was not listed, without those whose file has been stored since. */
const confirmMissing = Effect.fnUntraced(function* (
  file: FileSystem.File,
  storeRoot: string,
  offsets: ReadonlyArray<number>
) {
  const volume = yield* Volume
  const named: Array<string> = []
  let there = 0
  for (const offset of offsets) {
    if (named.length === NAMED) break
    const found = yield* readRow(file, offset)
    if (found === undefined) continue
    const stored = yield* orMissing(volume.inspect(storedPath(storeRoot, found.name)))
    if (stored === undefined) named.push(nameOf(found.name))
    else there++
  }
  return { count: named.length === 0 ? 0 : offsets.length - there, named } satisfies Some as Some
})

/** Looks for them only where they are: under `hosts`. */
const nameUnindexed = Effect.fnUntraced(function* (storeRoot: string, census: Census, hosts: ReadonlyArray<HostId>) {
  const named: Array<string> = []
  for (const hostId of hosts) {
    if (named.length === NAMED) break
    yield* eachStored(storeRoot, hostId, (name) => {
      if (named.length < NAMED && census.isUnindexed(name)) named.push(nameOf(name))
    })
  }
  return named
})

const compareSizes = Effect.fnUntraced(function* (
  file: FileSystem.File,
  storeRoot: string,
  offsets: ReadonlyArray<number>
) {
  const volume = yield* Volume
  const otherSize: Array<string> = []
  for (const offset of offsets) {
    const found = yield* readRow(file, offset)
    if (found === undefined) continue
    const stored = yield* orMissing(volume.inspect(storedPath(storeRoot, found.name)))
    if (stored !== undefined && (stored.type !== "File" || stored.size !== found.row.bytes)) {
      otherSize.push(nameOf(found.name))
    }
  }
  return otherSize
})

/** Every so many of them. */
const spread = (offsets: ReadonlyArray<number>): ReadonlyArray<number> => {
  const step = Math.max(1, Math.ceil(offsets.length / SAMPLE))
  return offsets.filter((_, at) => at % step === 0)
}

export const compare = Effect.fnUntraced(function* ({ indexPath, storeRoot }: Roots) {
  const fs = yield* FileSystem.FileSystem
  const census = makeCensus()
  // The files first: what is stored meanwhile has a row and no listed file, and that is looked at again by name.
  const hosts = yield* hostsIn(storeRoot)
  const list = (hostId: HostId, at: number) => eachStored(storeRoot, hostId, (name) => census.addFile(name, at))
  yield* Effect.forEach(hosts, list, { concurrency: HOSTS_AT_ONCE, discard: true })
  const file = yield* fs.open(indexPath, { flag: "r", noFollow: true })
  const end = yield* eachLine(file, 0, census.addLine)
  if (census.result().unindexed > 0) {
    yield* Effect.sleep(SETTLE_MILLIS)
    yield* eachLine(file, end, census.addLine)
  }
  const found = census.result()
  const { files, kept, lost, unindexed, unreadable } = found
  const concerned = hosts.filter((_, at) => found.hosts.has(at))
  const sample = spread(kept)
  return {
    files,
    rows: kept.length + lost.length,
    missing: yield* confirmMissing(file, storeRoot, lost),
    unindexed: { count: unindexed, named: yield* nameUnindexed(storeRoot, census, concerned) },
    otherSize: yield* compareSizes(file, storeRoot, sample),
    sampled: sample.length,
    unreadable
  } satisfies Agreement as Agreement
}, Effect.scoped)
