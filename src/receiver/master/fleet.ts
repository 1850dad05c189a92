/** The fleet, a row for each host: what it said when it checked in, what its agent reports, what is wanted of it. */
import { formatTime } from "../../domain/time.ts"
import type { HostRow } from "../hosts.ts"
import { supersededBy } from "./next.ts"
import type { Standing } from "./order.ts"
import type { Report, Told } from "./reports.ts"
import { differencesOf } from "./watched.ts"

export interface FleetRow {
  readonly host_id: string
  /** Its last check-in: RFC 3339, UTC. */
  readonly seen_at: string | null
  readonly said: HostRow["said"] | null
  readonly instances: HostRow["instances"]
  readonly quarantined_since?: string
  /** Whether it is in `[fleet.<host_id>]`. */
  readonly known: boolean
  /** Whether the master was ever told what it should run. */
  readonly managed: boolean
  /** RFC 3339, UTC. */
  readonly last_heartbeat: string | null
  readonly agent_version: string | null
  /** Null where it should run nothing. */
  readonly wanted_topology_id: string | null
  readonly wanted_version_hash: string | null
  readonly wanted_generation: number | null
  /** RFC 3339, UTC. */
  readonly wanted_since: string | null
  readonly applied_topology_id: string | null
  readonly applied_version_hash: string | null
  /** The highest that the agent has obeyed. */
  readonly applied_generation: number | null
  readonly needs_resync: boolean
  /** How what it runs differs from what is wanted, each in words. */
  readonly drift: ReadonlyArray<string>
  /** RFC 3339, UTC. */
  readonly drift_since: string | null
  /** The generation that its agent has obeyed, where that is above ours: it is told nothing. */
  readonly superseded_by: number | null
  /** What came of telling it last. */
  readonly told: Told | null
}

/** Everything that is known. `known`: the hosts in `[fleet.<host_id>]`. */
export interface Sources {
  readonly known: ReadonlySet<string>
  readonly checkIns: ReadonlyArray<HostRow>
  readonly reports: ReadonlyArray<Report>
  readonly standings: ReadonlyArray<Standing>
}

const checkedIn = (row: HostRow | undefined) => ({
  seen_at: row?.seen_at ?? null,
  said: row?.said ?? null,
  instances: row?.instances ?? [],
  ...(row?.quarantined_since === undefined ? {} : { quarantined_since: row.quarantined_since })
})

const reported = (report: Report | undefined) => ({
  last_heartbeat: report?.heard_at ?? null,
  agent_version: report?.said?.agent_version ?? null,
  applied_topology_id: report?.said?.topology?.topology_id ?? null,
  applied_version_hash: report?.said?.topology?.applied_version_hash ?? null,
  applied_generation: report?.said?.topology?.generation ?? null,
  told: report?.told ?? null
})

const ordered = (standing: Standing | undefined) => {
  const topology = standing?.wanted?._tag === "Topology" ? standing.wanted : undefined
  return {
    managed: standing !== undefined,
    wanted_topology_id: topology?.hydrated.topology.id ?? null,
    wanted_version_hash: topology?.versionHash ?? null,
    wanted_generation: standing?.order.generation ?? null,
    wanted_since: standing === undefined ? null : formatTime(standing.order.setAt)
  }
}

/** Of a host that should run something, until its agent has said that it does. */
const UNHEARD = "its agent has not reported yet"
const NOT_UNDERSTOOD = "what it should run is not understood: set it anew"

/** Whether what it should run can be told: where not, it is told nothing. */
export const isUnderstood = ({ drift }: Pick<FleetRow, "drift">): boolean => !drift.includes(NOT_UNDERSTOOD)

export const wantsNothing = (row: FleetRow): boolean =>
  row.managed && row.wanted_topology_id === null && isUnderstood(row)

const driftOf = (report: Report | undefined, standing: Standing | undefined): ReadonlyArray<string> => {
  if (standing === undefined) return []
  if (standing.wanted === undefined) return [NOT_UNDERSTOOD]
  return report?.said === undefined ? [UNHEARD] : differencesOf({ report, standing })
}

const rowOf = (
  hostId: string,
  known: boolean,
  checkIn: HostRow | undefined,
  report: Report | undefined,
  standing: Standing | undefined
): FleetRow => {
  // Whom nobody can tell anything is not out of step.
  const drift = known ? driftOf(report, standing) : []
  return {
    host_id: hostId,
    ...checkedIn(checkIn),
    known,
    ...ordered(standing),
    ...reported(report),
    needs_resync: drift.length > 0,
    drift,
    drift_since: drift.length > 0 ? (report?.drift_since ?? null) : null,
    superseded_by: (standing && supersededBy(standing, report?.said?.topology)) ?? null
  }
}

/** Every host that checked in, reported or is known, by name. */
export const fleetRows = ({ checkIns, known, reports, standings }: Sources): ReadonlyArray<FleetRow> => {
  const byHost = {
    checkIn: new Map<string, HostRow>(checkIns.map((row) => [row.host_id, row])),
    report: new Map<string, Report>(reports.map((report) => [report.host_id, report])),
    standing: new Map<string, Standing>(standings.map((standing) => [standing.order.hostId, standing]))
  }
  const names = new Set([...known, ...byHost.checkIn.keys()])
  return [...names]
    .toSorted()
    .map((hostId) =>
      rowOf(
        hostId,
        known.has(hostId),
        byHost.checkIn.get(hostId),
        byHost.report.get(hostId),
        byHost.standing.get(hostId)
      )
    )
}
