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

/** Everything that is there, to be put back as it was. */
export interface Snapshot {
  readonly rows: ReadonlyArray<Readonly<Record<string, SQLOutputValue>>>
  readonly highest: number
}

const hasTables = (database: DatabaseSync): boolean =>
  database
    .prepare("SELECT count(*) AS tables FROM sqlite_schema WHERE name IN ('applied_topology', 'generation')")
    .get()?.["tables"] === 2

const highestIn = (database: DatabaseSync): number =>
  Number(database.prepare("SELECT highest FROM generation").get()?.["highest"] ?? 0)

const text = (value: SQLOutputValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value)

export const remembered = (database: DatabaseSync): Remembered => {
  if (!hasTables(database)) return nothingRemembered
  const row = database
    .prepare("SELECT topology_id, applied_version_hash, applied_at, last_error FROM applied_topology")
    .get()
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
  const row = hasTables(database)
    ? database.prepare("SELECT hydrated_blob_json FROM applied_topology").get()
    : undefined
  if (row === undefined) return undefined
  const hydrated = Result.getOrUndefined(decodeHydrated(parseForeignJson(String(row["hydrated_blob_json"]))))
  return hydrated && { bridges: bridgesOf(hydrated), containers: containersOf(hydrated) }
}

export const raise = (database: DatabaseSync, generation: number): void => {
  database
    .prepare(
      "INSERT INTO generation VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET highest = max(highest, excluded.highest)"
    )
    .run(generation)
}

const snapshot = (database: DatabaseSync): Snapshot => ({
  rows: database.prepare("SELECT * FROM applied_topology").all(),
  highest: highestIn(database)
})

export const begin = (database: DatabaseSync, beginning: Beginning): Snapshot => {
  const before = snapshot(database)
  const { at, generation, hydratedJson, lastError, topologyId } = beginning
  database.exec("DELETE FROM applied_topology")
  database.prepare("INSERT INTO applied_topology VALUES (?, '', ?, ?, ?)").run(topologyId, hydratedJson, at, lastError)
  raise(database, generation)
  return before
}

export const putBack = (database: DatabaseSync, { highest, rows }: Snapshot): void => {
  database.exec("DELETE FROM applied_topology")
  const insert = database.prepare(
    "INSERT INTO applied_topology VALUES (:topology_id, :applied_version_hash, :hydrated_blob_json, :applied_at, :last_error)"
  )
  for (const row of rows) insert.run(row)
  database.prepare("UPDATE generation SET highest = ?").run(highest)
}

export const settle = (database: DatabaseSync, { at, lastError, versionHash }: Outcome): void => {
  database
    .prepare("UPDATE applied_topology SET applied_version_hash = ?, applied_at = ?, last_error = ?")
    .run(versionHash, at, lastError)
}

export const forget = (database: DatabaseSync): void => {
  database.exec("DELETE FROM applied_topology")
}
