import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

/** How long another process's commit is waited for. */
const BUSY_MS = 5000

/**
 * A rollback journal, and no write-ahead log: that would put files beside the database for everyone who reads it. EXTRA syncs the
 * directory after the journal is gone: a journal that a power cut brings back would take the last order away again.
 */
const PRAGMAS = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS applied_topology (
    topology_id TEXT PRIMARY KEY, applied_version_hash TEXT NOT NULL, hydrated_blob_json TEXT NOT NULL,
    applied_at INTEGER NOT NULL, last_error TEXT
  );
  CREATE TABLE IF NOT EXISTS generation (id INTEGER PRIMARY KEY CHECK (id = 1), highest INTEGER NOT NULL);
`

/** SQLite's result code for a journal that a crash left, and that a reader may not roll back (sqlite.org/rescode.html). */
const READONLY_ROLLBACK = 776

const isUnfinished = (thrown: unknown): boolean =>
  thrown instanceof Error && "errcode" in thrown && thrown.errcode === READONLY_ROLLBACK

const using = <A>(database: DatabaseSync, work: (database: DatabaseSync) => A): A => {
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** Of a commit that a crash cut off, a copy is rolled back: the file is left for the next order to mend. */
const readCopy = <A>(path: string, work: (database: DatabaseSync) => A): A => {
  const directory = mkdtempSync(join(tmpdir(), "cis490-topology-"))
  try {
    const copy = join(directory, "topology.db")
    for (const suffix of ["", "-journal"]) copyFileSync(path + suffix, copy + suffix)
    return using(new DatabaseSync(copy), work)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const isGone = (thrown: unknown): boolean => thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT"

/** `undefined` where there is no file. */
export const reading = <A>(path: string, work: (database: DatabaseSync) => A): A | undefined => {
  if (!existsSync(path)) return undefined
  try {
    return using(new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS }), work)
  } catch (thrown) {
    if (!isUnfinished(thrown)) throw thrown
  }
  try {
    return readCopy(path, work)
  } catch (thrown) {
    // Whoever writes has just rolled it back.
    if (!isGone(thrown)) throw thrown
    return using(new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS }), work)
  }
}

/** All of it or nothing. Makes the file when it is missing. */
export const writing = <A>(path: string, work: (database: DatabaseSync) => A): A =>
  using(new DatabaseSync(path, { timeout: BUSY_MS }), (database) => {
    database.exec(PRAGMAS)
    database.exec("BEGIN IMMEDIATE")
    try {
      database.exec(SCHEMA)
      const result = work(database)
      database.exec("COMMIT")
      return result
    } catch (thrown) {
      if (database.isTransaction) database.exec("ROLLBACK")
      throw thrown
    }
  })
