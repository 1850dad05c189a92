import { rmSync } from "node:fs"
import { DatabaseSync, type SQLOutputValue } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { EpisodeId, HostId } from "../src/domain/names.ts"
import { type Change, type Coverage, type Entry, Lookup, type Place } from "../src/services/Lookup.ts"

/** Of the tables below: a database of another version is built anew. */
const SCHEMA_VERSION = 1

const PRAGMAS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -8192;
`
const SCHEMA = `
  CREATE TABLE standing (
    host_id TEXT NOT NULL, episode_id TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (host_id, episode_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE coverage (
    id INTEGER PRIMARY KEY CHECK (id = 1), bytes INTEGER NOT NULL, inode TEXT NOT NULL,
    offset INTEGER NOT NULL, length INTEGER NOT NULL, text TEXT NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`
/** Changes in the order of the index, while the lookup is built: sorted once at the end, whatever order the names come in. */
const GATHER = `
  DELETE FROM standing;
  DELETE FROM coverage;
  CREATE TEMP TABLE gathered (
    host_id TEXT NOT NULL, episode_id TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER
  ) STRICT;
`
/** The last line of each name, unless it is a withdrawal: SQLite takes the other columns from the row of the maximum. */
const MERGE = `
  INSERT INTO standing
  SELECT host_id, episode_id, max(offset), length FROM gathered GROUP BY host_id, episode_id HAVING length IS NOT NULL;
  DROP TABLE gathered;
`

const isSettled = (database: DatabaseSync): boolean =>
  database.prepare("PRAGMA user_version").get()?.["user_version"] === SCHEMA_VERSION

const isCurrent = (database: DatabaseSync): boolean =>
  isSettled(database) && database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"] === "ok"

/** The database at `path`, or `undefined` when it is missing, damaged or of another version. */
const openCurrent = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path)
  try {
    database.exec(PRAGMAS)
    if (isCurrent(database)) return database
  } catch {
    // Whatever is wrong with it, the index has everything that was in it.
  }
  database.close()
  return undefined
}

const createNew = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path)
  database.exec(PRAGMAS)
  database.exec(SCHEMA)
  return database
}

const openOrRebuild = (path: string): DatabaseSync => {
  const current = openCurrent(path)
  if (current !== undefined) return current
  for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) rmSync(file, { force: true })
  return createNew(path)
}

type Row = Record<string, SQLOutputValue>

const placeIn = (row: Row): Place => ({ offset: Number(row["offset"]), length: Number(row["length"]) })

const entryOf = (row: Row): Entry => ({
  hostId: HostId.make(String(row["host_id"])),
  episodeId: EpisodeId.make(String(row["episode_id"])),
  ...placeIn(row)
})

const coverageOf = (row: Row): Coverage => ({
  bytes: Number(row["bytes"]),
  inode: String(row["inode"]),
  lastLine: { ...placeIn(row), text: String(row["text"]) }
})

const makeTable = (database: DatabaseSync) => {
  const coverage = database.prepare("SELECT * FROM coverage")
  const find = database.prepare("SELECT offset, length FROM standing WHERE host_id = ? AND episode_id = ?")
  const page = database.prepare(
    "SELECT * FROM standing WHERE (host_id, episode_id) > (?, ?) ORDER BY host_id, episode_id LIMIT ?"
  )
  const count = database.prepare("SELECT count(*) AS rows FROM standing")
  const put = database.prepare("INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?)")
  const withdraw = database.prepare("DELETE FROM standing WHERE host_id = ? AND episode_id = ?")
  const cover = database.prepare("INSERT OR REPLACE INTO coverage VALUES (1, ?, ?, ?, ?, ?)")

  const change = ({ hostId, episodeId, place }: Change) =>
    place === undefined ? withdraw.run(hostId, episodeId) : put.run(hostId, episodeId, place.offset, place.length)

  const inTransaction = (work: () => void): void => {
    database.exec("BEGIN IMMEDIATE")
    try {
      work()
      database.exec("COMMIT")
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK")
      throw error
    }
  }

  return {
    coverage: () => {
      const row = coverage.get()
      return row === undefined ? undefined : coverageOf(row)
    },
    find: (hostId: HostId, episodeId: EpisodeId) => {
      const row = find.get(hostId, episodeId)
      return row === undefined ? undefined : placeIn(row)
    },
    // No id is empty: everything comes after the empty names.
    page: (after: Omit<Entry, keyof Place> | undefined, limit: number) =>
      page.all(after?.hostId ?? "", after?.episodeId ?? "", limit).map(entryOf),
    count: () => Number(count.get()?.["rows"]),
    apply: (changes: ReadonlyArray<Change>, { bytes, inode, lastLine }: Coverage) =>
      inTransaction(() => {
        for (const each of changes) change(each)
        cover.run(bytes, inode, lastLine.offset, lastLine.length, lastLine.text)
      }),
    clear: () => {
      database.exec(BUILDING)
      database.exec("DELETE FROM standing; DELETE FROM coverage")
    },
    settle: () => {
      if (isSettled(database)) return
      database.exec(SETTLED)
      // The checkpoint syncs what was written without a journal. A crash before the version is set makes the next start build anew.
      database.exec("UPDATE coverage SET id = id; PRAGMA wal_checkpoint(TRUNCATE)")
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
    }
  }
}

type Table = ReturnType<typeof makeTable>

/** Opened with the first question, by when whoever asks holds the store. */
const make = (open: () => DatabaseSync): Effect.Effect<Lookup["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const opened = Effect.acquireRelease(Effect.sync(open), (database) => Effect.sync(() => database.close()))
    const table = yield* Effect.cached(Effect.provideService(Effect.map(opened, makeTable), Scope.Scope, scope))
    const ask = <A>(question: (table: Table) => A): Effect.Effect<A> => Effect.map(table, question)
    return {
      coverage: ask((table) => table.coverage()),
      find: (hostId, episodeId) => ask((table) => table.find(hostId, episodeId)),
      page: (after, limit) => ask((table) => table.page(after, limit)),
      count: ask((table) => table.count()),
      apply: (changes, coverage) => ask((table) => table.apply(changes, coverage)),
      clear: ask((table) => table.clear()),
      settle: ask((table) => table.settle())
    }
  })

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

const byName = (a: Omit<Entry, keyof Place>, b: Omit<Entry, keyof Place>): number =>
  compare(a.hostId, b.hostId) || compare(a.episodeId, b.episodeId)

/** Forgets everything with the layer, and holds everything in memory: for a small dataset or a simulated one. */
export const layerMemory: Layer.Layer<Lookup> = Layer.sync(Lookup, () => {
  const standing = new Map<string, Entry>()
  let coverage: Coverage | undefined
  const keyOf = (hostId: HostId, episodeId: EpisodeId): string => `${hostId}/${episodeId}`
  const change = ({ hostId, episodeId, place }: Change): void => {
    const key = keyOf(hostId, episodeId)
    if (place === undefined) standing.delete(key)
    else standing.set(key, { hostId, episodeId, ...place })
  }
  const page = (after: Omit<Entry, keyof Place> | undefined, limit: number): ReadonlyArray<Entry> =>
    [...standing.values()]
      .filter((entry) => after === undefined || byName(entry, after) > 0)
      .toSorted(byName)
      .slice(0, limit)
  const placeOf = (entry: Entry | undefined): Place | undefined =>
    entry === undefined ? undefined : { offset: entry.offset, length: entry.length }

  return Lookup.of({
    coverage: Effect.sync(() => coverage),
    find: (hostId, episodeId) => Effect.sync(() => placeOf(standing.get(keyOf(hostId, episodeId)))),
    page: (after, limit) => Effect.sync(() => page(after, limit)),
    count: Effect.sync(() => standing.size),
    apply: (changes, now) =>
      Effect.sync(() => {
        for (const each of changes) change(each)
        coverage = now
      }),
    clear: Effect.sync(() => {
      standing.clear()
      coverage = undefined
    }),
    settle: Effect.void
  })
})

/** SQLite beside the index; opening it waits for the first question. */
export const layerLookup = (indexPath: string): Layer.Layer<Lookup> =>
  Layer.effect(
    Lookup,
    make(() => openOrRebuild(`${indexPath}.lookup`))
  )

/** SQLite in a file of its own that has no name and goes with the layer: for those who only read. */
export const layerTemporary: Layer.Layer<Lookup> = Layer.effect(
  Lookup,
  make(() => createNew(""))
)
