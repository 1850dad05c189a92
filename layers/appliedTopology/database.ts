import type { DatabaseSync } from "node:sqlite"
import * as Sqlite from "../sqlite.ts"

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS applied_topology (
    topology_id TEXT PRIMARY KEY, applied_version_hash TEXT NOT NULL, hydrated_blob_json TEXT NOT NULL,
    applied_at INTEGER NOT NULL, last_error TEXT
  );
  CREATE TABLE IF NOT EXISTS generation (id INTEGER PRIMARY KEY CHECK (id = 1), highest INTEGER NOT NULL);
`

/** `undefined` where there is no file. */
export const reading = Sqlite.reading

/** All of it or nothing. Makes the file when it is missing. */
export const writing = <A>(path: string, work: (database: DatabaseSync) => A): A => Sqlite.writing(path, SCHEMA, work)
