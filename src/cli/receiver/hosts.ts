import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { duration, relative, size } from "../../domain/humanize.ts"
import { type FleetRow, isUnderstood, wantsNothing } from "../../receiver/master/fleet.ts"
import { readFleet } from "../../receiver/master/readFleet.ts"
import { takeOver } from "../../receiver/master/takeOver.ts"
import { attention } from "../exit.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { fleetFiles } from "./fleet.ts"
import { withSettings } from "./root.ts"

const known = (value: number | null | undefined): string =>
  value === undefined || value === null ? "?" : String(value)

const millisOf = (time: string | null): number | undefined =>
  time === null ? undefined : Option.getOrUndefined(Option.map(DateTime.make(time), DateTime.toEpochMillis))

const ago = (time: string | null, now: number): string => {
  const at = millisOf(time)
  return at === undefined ? (time === null ? "never" : "?") : relative(at, now)
}

const HEAD = ["host", "last seen", "commit", "waiting", "quarantined", "conflicts", "free"]

const cells = ({ host_id, instances, said, seen_at }: FleetRow, now: number): ReadonlyArray<string> => {
  const free = said?.free_bytes
  const twins = instances.length > 1 ? `  (${instances.length} machines use this name)` : ""
  return [
    host_id,
    ago(seen_at, now),
    said?.commit?.slice(0, 12) ?? "?",
    known(said?.waiting),
    known(said?.quarantined),
    known(said?.conflicts),
    `${free === undefined || free === null ? "?" : size(free)}${twins}`
  ]
}

const FLEET_HEAD = ["host", "heartbeat", "should run", "runs", "state"]

const named = (id: string | null, hash: string | null): string =>
  id === null ? "nothing" : `${id}${hash === null || hash === "" ? "" : ` ${hash.slice(0, 7)}`}`

const wanted = (row: FleetRow): string => {
  if (!row.managed) return "unmanaged"
  return isUnderstood(row) ? named(row.wanted_topology_id, row.wanted_version_hash) : "?"
}

const runs = (row: FleetRow): string =>
  row.last_heartbeat === null ? "?" : named(row.applied_topology_id, row.applied_version_hash)

/** Ten heartbeats, unless the agent is told otherwise. */
const QUIET_MILLIS = 5 * 60_000
/** Of many differences, the first ones say what it is about. */
const MOST = 3

const stateOf = (row: FleetRow, now: number): string => {
  if (row.superseded_by !== null) {
    return `obeys generation ${row.superseded_by}, above ours (${row.wanted_generation ?? "none"}): cis490-receiver ${takeOver(row.host_id, wantsNothing(row))}`
  }
  const silence = now - (millisOf(row.last_heartbeat) ?? now)
  if (!row.needs_resync) {
    if (!row.managed) return ""
    return silence > QUIET_MILLIS ? "as wanted when it was last heard" : "as wanted"
  }
  const since = millisOf(row.drift_since)
  const age = since === undefined ? "" : ` for ${duration(now - since)}`
  const more = row.drift.length > MOST ? `; and ${row.drift.length - MOST} more` : ""
  const told =
    row.told === null || row.told.outcome === "Done" ? "" : `; told ${ago(row.told.at, now)}: ${row.told.words}`
  return `drifted${age}: ${row.drift.slice(0, MOST).join("; ")}${more}${told}`
}

const fleetCells = (row: FleetRow, now: number): ReadonlyArray<string> => [
  row.host_id,
  ago(row.last_heartbeat, now),
  wanted(row),
  runs(row),
  stateOf(row, now)
]

const textOf = (rows: ReadonlyArray<FleetRow>, now: number): string => {
  const shippers = rows.filter(({ seen_at }) => seen_at !== null)
  const agents = rows.filter((row) => row.known)
  const tables = [
    ...(shippers.length === 0 ? [] : [table([HEAD, ...shippers.map((row) => cells(row, now))])]),
    ...(agents.length === 0 ? [] : [table([FLEET_HEAD, ...agents.map((row) => fleetCells(row, now))])])
  ]
  return tables.length === 0 ? "no host has checked in yet" : tables.join("\n\n")
}

export const hostsCommand = Command.make("hosts", { json }, (flags) =>
  withSettings((settings) =>
    Effect.gen(function* () {
      const rows = yield* Effect.catchTag(readFleet(fleetFiles(settings)), "OrdersUnavailable", ({ message }) =>
        attention(`what the hosts should run cannot be read: ${message}`)
      )
      if (flags.json) return yield* printJson(rows)
      yield* Console.log(textOf(rows, yield* Clock.currentTimeMillis))
    })
  )
).pipe(
  Command.withDescription("Show what every host said when it last checked in, and how the fleet is"),
  Command.withExamples([
    {
      command: "cis490-receiver hosts",
      description: "Who is quiet, who has a backlog, who does not run what it should"
    }
  ])
)
