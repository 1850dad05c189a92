/** What every agent reported last: one small file per host. It may be lost without losing anything, so that nothing here is synced. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type HostId, HostId as HostIdSchema } from "../../domain/names.ts"
import { Heartbeat } from "../../domain/topology/wire.ts"
import { hostFiles } from "../hostFiles.ts"

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

const files = hostFiles(Report)

/** Of all hosts whose agents ever reported something, by name. */
export const readReports = files.readAll

/** A disk that does not take it is logged: what an agent reports is believed all the same. */
export const keepReport = (directory: string, report: Report) =>
  Effect.catch(files.write(directory, report.host_id, report), (error) =>
    Effect.logWarning(`what ${report.host_id} reported is not remembered: ${error.message}`)
  )

export const emptyReport = (hostId: HostId): Report => ({ host_id: hostId })
