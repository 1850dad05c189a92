import type { DatabaseSync, SQLOutputValue } from "node:sqlite"
import * as Result from "effect/Result"
import { parseForeignJson } from "../../src/domain/json.ts"
import { decodeHydrated } from "../../src/domain/topology/hydrated.ts"
import { bridgesOf, containersOf } from "../../src/domain/topology/objects.ts"
import {
  type Beginning,
  type Expected,
  nothingRemembered,
  type Outcome,
  type Remembered
} from "../../src/services/AppliedTopology.ts"

/** The rows that are there, to be put back as they were. */
export type Snapshot = ReadonlyArray<Readonly<Record<string, SQLOutputValue>>>

/** As agreed upon: a table that somebody else made may hold them in another order, and more. */
const COLUMNS = "topology_id, applied_version_hash, hydrated_blob_json, applied_at, last_error"

/** Each may be there without the other: only the first was agreed upon. */
const hasTable = (database: DatabaseSync, name: "applied_topology" | "generation"): boolean =>
  database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined

const highestIn = (database: DatabaseSync): number =>
  hasTable(database, "generation")
    ? Number(database.prepare("SELECT highest FROM generation").get()?.["highest"] ?? 0)
    : 0

const text = (value: SQLOutputValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value)

export const remembered = (database: DatabaseSync): Remembered => {
  const row = hasTable(database, "applied_topology")
    ? database.prepare("SELECT topology_id, applied_version_hash, applied_at, last_error FROM applied_topology").get()
    : undefined
  const generation = highestIn(database)
  if (row === undefined) return { ...nothingRemembered, generation }
  return {
    topology_id: text(row["topology_id"]),
    applied_version_hash: text(row["applied_version_hash"]),
    applied_at: Number(row["applied_at"]),
    last_error: text(row["last_error"]),
    generation
  }
}

/** Of the topology itself no more than names is ever read. */
export const expected = (database: DatabaseSync): Expected | undefined => {
  const row = hasTable(database, "applied_topology")
    ? database.prepare("SELECT hydrated_blob_json FROM applied_topology").get()
    : undefined
  if (row === undefined) return undefined
  const hydrated = Result.getOrUndefined(decodeHydrated(parseForeignJson(String(row["hydrated_blob_json"]))))
  return hydrated && { bridges: bridgesOf(hydrated), containers: containersOf(hydrated) }
}

export const raise = (database: DatabaseSync, generation: number): void => {
  database
    .prepare(
      "INSERT INTO generation (id, highest) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET highest = max(highest, excluded.highest)"
    )
    .run(generation)
}

const snapshot = (database: DatabaseSync): Snapshot => database.prepare(`SELECT ${COLUMNS} FROM applied_topology`).all()

export const begin = (database: DatabaseSync, beginning: Beginning): Snapshot => {
  const before = snapshot(database)
  const { at, generation, hydratedJson, lastError, topologyId } = beginning
  database.exec("DELETE FROM applied_topology")
  database
    .prepare(`INSERT INTO applied_topology (${COLUMNS}) VALUES (?, '', ?, ?, ?)`)
    .run(topologyId, hydratedJson, at, lastError)
  raise(database, generation)
  return before
}

/** The generation stays: it has been shown. */
export const putBack = (database: DatabaseSync, rows: Snapshot): void => {
  database.exec("DELETE FROM applied_topology")
  const insert = database.prepare(
    `INSERT INTO applied_topology (${COLUMNS}) VALUES (:topology_id, :applied_version_hash, :hydrated_blob_json, :applied_at, :last_error)`
  )
  for (const row of rows) insert.run(row)
}

export const settle = (database: DatabaseSync, { at, lastError, versionHash }: Outcome): void => {
  database
    .prepare("UPDATE applied_topology SET applied_version_hash = ?, applied_at = ?, last_error = ?")
    .run(versionHash, at, lastError)
}

export const forget = (database: DatabaseSync): void => {
  database.exec("DELETE FROM applied_topology")
}
