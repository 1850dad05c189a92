import type { DatabaseSync, SQLOutputValue } from "node:sqlite"
import { EpisodeId, HostId } from "../../src/domain/names.ts"
import type { Change, Coverage, Entry, LastLine, Place } from "../../src/services/Lookup.ts"

type Row = Record<string, SQLOutputValue>

const placeOf = (row: Row): Place => ({ offset: Number(row["offset"]), length: Number(row["length"]) })

const entryOf = (row: Row): Entry => ({
  hostId: HostId.make(String(row["host_id"])),
  episodeId: EpisodeId.make(String(row["episode_id"])),
  ...placeOf(row)
})

const coverageOf = (row: Row): Coverage => ({
  bytes: Number(row["bytes"]),
  inode: String(row["inode"]),
  lastLine: { ...placeOf(row), text: String(row["text"]) }
})

/** Changes as they come while the lookup is built. Sorting them once at the end costs the same whatever order the names are in. */
const GATHER = `
  DROP TABLE IF EXISTS temp.gathered;
  CREATE TEMP TABLE gathered (host_id TEXT NOT NULL, episode_id TEXT NOT NULL, offset INTEGER NOT NULL,
    length INTEGER NOT NULL, stands INTEGER NOT NULL) STRICT;
`
/** The last change of each name: SQLite takes the other columns from the row of the maximum. */
const MERGE = `
  INSERT INTO last_line
  SELECT host_id, episode_id, offset, length, stands
  FROM (SELECT max(rowid), * FROM temp.gathered GROUP BY host_id, episode_id)
  ORDER BY host_id, episode_id
`

const makeTransactions =
  (database: DatabaseSync) =>
  (work: () => void): void => {
    database.exec("BEGIN IMMEDIATE")
    try {
      work()
      database.exec("COMMIT")
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK")
      throw error
    }
  }

const makeWriting = (database: DatabaseSync) => {
  const put = database.prepare("INSERT OR REPLACE INTO main.last_line VALUES (?, ?, ?, ?, ?)")
  const cover = database.prepare("INSERT OR REPLACE INTO main.coverage VALUES (1, ?, ?, ?, ?, ?)")
  return {
    change: ({ hostId, episodeId, place, stands }: Change): void => {
      put.run(hostId, episodeId, place.offset, place.length, Number(stands))
    },
    cover: ({ bytes, inode, lastLine }: Coverage): void => {
      cover.run(bytes, inode, lastLine.offset, lastLine.length, lastLine.text)
    }
  }
}

/** A lookup that is being built: until it is settled, the tables stay empty. */
const beginBuilding = (database: DatabaseSync) => {
  database.exec(GATHER)
  const gather = database.prepare("INSERT INTO temp.gathered VALUES (?, ?, ?, ?, ?)")
  return {
    coverage: undefined as Coverage | undefined,
    gather: ({ hostId, episodeId, place, stands }: Change): void => {
      gather.run(hostId, episodeId, place.offset, place.length, Number(stands))
    }
  }
}

export const makeTable = (database: DatabaseSync) => {
  const coverage = database.prepare("SELECT * FROM coverage")
  const find = database.prepare("SELECT offset, length, stands FROM last_line WHERE host_id = ? AND episode_id = ?")
  const page = database.prepare(
    "SELECT * FROM last_line WHERE (host_id, episode_id) > (?, ?) AND stands ORDER BY host_id, episode_id LIMIT ?"
  )
  const count = database.prepare("SELECT count(*) AS rows FROM last_line WHERE stands")
  const writing = makeWriting(database)
  const inTransaction = makeTransactions(database)
  let building: ReturnType<typeof beginBuilding> | undefined

  const settle = ({ coverage }: ReturnType<typeof beginBuilding>): void => {
    inTransaction(() => {
      database.exec(MERGE)
      if (coverage !== undefined) writing.cover(coverage)
    })
    database.exec("DROP TABLE temp.gathered")
    building = undefined
  }

  return {
    coverage: (): Coverage | undefined => {
      const row = coverage.get()
      return row === undefined ? undefined : coverageOf(row)
    },
    find: (hostId: HostId, episodeId: EpisodeId): LastLine | undefined => {
      const row = find.get(hostId, episodeId)
      return row === undefined ? undefined : { ...placeOf(row), stands: row["stands"] === 1 }
    },
    // No id is empty: everything comes after the empty names.
    page: (after: Omit<Entry, keyof Place> | undefined, limit: number): ReadonlyArray<Entry> =>
      page.all(after?.hostId ?? "", after?.episodeId ?? "", limit).map(entryOf),
    count: (): number => Number(count.get()?.["rows"]),
    apply: (changes: ReadonlyArray<Change>, now: Coverage): void =>
      inTransaction(() => {
        for (const each of changes) (building?.gather ?? writing.change)(each)
        if (building === undefined) writing.cover(now)
        else building.coverage = now
      }),
    clear: (): void => {
      inTransaction(() => database.exec("DELETE FROM last_line; DELETE FROM coverage"))
      building = beginBuilding(database)
    },
    settle: (): void => {
      if (building !== undefined) settle(building)
    }
  }
}

export type Table = ReturnType<typeof makeTable>
