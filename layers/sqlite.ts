/** SQLite files that are opened for each question and closed again: nothing is held, and nothing lies about beside them. */
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/** How long another process's commit is waited for. */
const BUSY_MS = 5000

/**
 * A rollback journal, and no write-ahead log: that would put files beside the database for everyone who reads it. EXTRA syncs the
 * directory after the journal is gone: a journal that a power cut brings back would take the last commit away again.
 */
const PRAGMAS = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"

/** SQLite's result code for a journal that a crash left, and that a reader may not roll back (sqlite.org/rescode.html). */
const READONLY_ROLLBACK = 776

const isUnfinished = (thrown: unknown): boolean =>
  thrown instanceof Error && "errcode" in thrown && thrown.errcode === READONLY_ROLLBACK

const isGone = (thrown: unknown): boolean =>
  thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR")

/** Throws where that cannot be told, such as in a directory that is closed to us: that is not "no". */
const isThere = (path: string): boolean => {
  try {
    statSync(path)
    return true
  } catch (thrown) {
    if (isGone(thrown)) return false
    throw thrown
  }
}

const using = <A>(database: DatabaseSync, work: (database: DatabaseSync) => A): A => {
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** Of a commit that a crash cut off, a copy is rolled back: the file is left for the next writer to mend. */
const readCopy = <A>(path: string, work: (database: DatabaseSync) => A): A => {
  const directory = mkdtempSync(join(tmpdir(), "cis490-sqlite-"))
  try {
    const copy = join(directory, "copy.db")
    for (const suffix of ["", "-journal"]) copyFileSync(path + suffix, copy + suffix)
    return using(new DatabaseSync(copy), work)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What SQLite and the disk say is a failure, with the file's name before it; anything else is our own mistake. */
export const attempting =
  <E>(failure: (message: string) => E) =>
  <A>(path: string, call: () => A): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      try {
        return Effect.succeed(call())
      } catch (thrown) {
        return Predicate.isError(thrown) && Predicate.hasProperty(thrown, "code")
          ? Effect.fail(failure(`${path}: ${thrown.message}`))
          : Effect.die(thrown)
      }
    })

/** `undefined` where there is no file. */
export const reading = <A>(path: string, work: (database: DatabaseSync) => A): A | undefined => {
  if (!isThere(path)) return undefined
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

/** All of it or nothing, and durable when it returns. Makes the file when it is missing; `schema` makes what is missing in it. */
export const writing = <A>(path: string, schema: string, work: (database: DatabaseSync) => A): A =>
  using(new DatabaseSync(path, { timeout: BUSY_MS }), (database) => {
    database.exec(PRAGMAS)
    database.exec("BEGIN IMMEDIATE")
    try {
      database.exec(schema)
      const result = work(database)
      database.exec("COMMIT")
      return result
    } catch (thrown) {
      if (database.isTransaction) database.exec("ROLLBACK")
      throw thrown
    }
  })
