/** What every agent reported last: one small file per host. It may be lost without losing anything, so that nothing here is synced. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { type HostId, HostId as HostIdSchema, isHostId } from "../../domain/names.ts"
import { Heartbeat } from "../../domain/topology/wire.ts"
import * as Unsynced from "../../unsynced.ts"

/** What came of telling an agent. */
const Told = Schema.Struct({
  /** RFC 3339, UTC. */
  at: Schema.String,
  generation: Schema.Int,
  /** How it ended, by the name of the outcome. */
  outcome: Schema.String,
  /** In words. */
  words: Schema.String
})
export type Told = typeof Told.Type

/** `<directory>/<host_id>.json`. */
export const Report = Schema.Struct({
  host_id: HostIdSchema,
  /** When it was last heard: RFC 3339, UTC. */
  heard_at: Schema.optionalKey(Schema.String),
  said: Schema.optionalKey(Heartbeat),
  /** Since when it is not as it is wanted: RFC 3339, UTC. */
  drift_since: Schema.optionalKey(Schema.String),
  told: Schema.optionalKey(Told)
})
export type Report = typeof Report.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Report))

/** `undefined` when there is none, or none that can be read: the next heartbeat replaces it. */
const read = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(path).pipe(
    Effect.flatMap(decode),
    Effect.catchIf(
      (error) => error._tag === "PlatformError" && error.reason._tag === "NotFound",
      () => Effect.undefined
    ),
    Effect.catch((error) => Effect.as(Effect.logWarning(`${path} cannot be read: ${error.message}`), undefined))
  )
})

/** All hosts whose agents ever reported something, by name. */
export const readReports = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(directory).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Effect.succeed([])
    )
  )
  const hosts = names.filter((name) => name.endsWith(".json") && isHostId(name.slice(0, -5))).toSorted()
  const reports = yield* Effect.forEach(hosts, (name) => read(`${directory}/${name}`))
  return reports.filter((report) => report !== undefined)
})

/** A disk that does not take it is logged: what an agent reports is believed all the same. */
export const keepReport = Effect.fnUntraced(
  function* (directory: string, report: Report) {
    yield* Unsynced.replace(`${directory}/${report.host_id}.json`, JSON.stringify(report))
  },
  (effect, _, { host_id }: Report) =>
    Effect.catch(effect, (error) => Effect.logWarning(`what ${host_id} reported is not remembered: ${error.message}`))
)

export const emptyReport = (hostId: HostId): Report => ({ host_id: hostId })
