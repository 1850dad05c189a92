import { rmSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { BUSY, resultCode } from "./resultCode.ts"

/** Of the tables below: a database of another version is built anew. */
const SCHEMA_VERSION = 2

/** Nobody else has it open: no lock of its own is taken and given back with every question. */
const PRAGMAS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -4096;
`
const SCHEMA = `
  CREATE TABLE last_line (
    host_id TEXT NOT NULL, episode_id TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    stands INTEGER NOT NULL, PRIMARY KEY (host_id, episode_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE coverage (
    id INTEGER PRIMARY KEY CHECK (id = 1), bytes INTEGER NOT NULL, inode TEXT NOT NULL,
    offset INTEGER NOT NULL, length INTEGER NOT NULL, text TEXT NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`

const isCurrent = (database: DatabaseSync): boolean =>
  database.prepare("PRAGMA user_version").get()?.["user_version"] === SCHEMA_VERSION &&
  database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"] === "ok"

/** A receiver that is just ending lets go of it in a moment. */
const HELD_MILLIS = 5000

/** The database at `path`, or `undefined` when it is missing, damaged or of another version. */
const openCurrent = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path, { timeout: HELD_MILLIS })
  try {
    database.exec(PRAGMAS)
    if (isCurrent(database)) return database
  } catch (thrown) {
    // Somebody else has it open, and nothing is wrong with it.
    if (resultCode(thrown) === BUSY) {
      database.close()
      throw thrown
    }
    // Whatever else is wrong with it, the index has everything that was in it.
  }
  database.close()
  return undefined
}

/** An empty one; at `""` it is a file without a name that goes when it is closed. */
export const createNew = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path)
  database.exec(PRAGMAS)
  database.exec(SCHEMA)
  return database
}

export const openOrCreate = (path: string): DatabaseSync => {
  const current = openCurrent(path)
  if (current !== undefined) return current
  for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) rmSync(file, { force: true })
  return createNew(path)
}
