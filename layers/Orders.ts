import type { DatabaseSync, SQLOutputValue } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { HostId } from "../src/domain/names.ts"
import { type Order, Orders, OrdersUnavailable } from "../src/services/Orders.ts"
import { attempting, reading, writing } from "./sqlite.ts"

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS wanted_topology (
    host_id TEXT PRIMARY KEY, generation INTEGER NOT NULL, hydrated_json TEXT, set_at_ms INTEGER NOT NULL
  ) STRICT;
`

const attempt = attempting((message) => new OrdersUnavailable({ message }))

const orderOf = (row: Record<string, SQLOutputValue>): Order => ({
  hostId: HostId.make(String(row["host_id"])),
  generation: Number(row["generation"]),
  hydratedJson: row["hydrated_json"] === null ? null : String(row["hydrated_json"]),
  setAt: Number(row["set_at_ms"])
})

/** A crash before the first order leaves a file with nothing in it. */
const isEmpty = (database: DatabaseSync): boolean =>
  database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'wanted_topology'").get() === undefined

const all = (database: DatabaseSync): ReadonlyArray<Order> =>
  isEmpty(database) ? [] : database.prepare("SELECT * FROM wanted_topology ORDER BY host_id").all().map(orderOf)

const PUT = `
  INSERT INTO wanted_topology (host_id, generation, hydrated_json, set_at_ms) VALUES (?, ?, ?, ?)
  ON CONFLICT (host_id) DO UPDATE SET
    generation = excluded.generation, hydrated_json = excluded.hydrated_json, set_at_ms = excluded.set_at_ms
  WHERE excluded.generation > generation
`

const put =
  ({ generation, hostId, hydratedJson, setAt }: Order) =>
  (database: DatabaseSync): boolean =>
    database.prepare(PUT).run(hostId, generation, hydratedJson, setAt).changes === 1

export const layerSqlite = Layer.succeed(Orders, {
  all: (path) => attempt(path, () => reading(path, all) ?? []),
  put: (path, order) =>
    Effect.flatMap(
      attempt(path, () => writing(path, SCHEMA, put(order))),
      (kept) =>
        kept
          ? Effect.void
          : Effect.fail(new OrdersUnavailable({ message: `${path}: a newer order for ${order.hostId} is in it` }))
    )
})
