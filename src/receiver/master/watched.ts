/** All that a running master knows of one host. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { HostId } from "../../domain/names.ts"
import { drift } from "../../domain/topology/drift.ts"
import type { Knowledge } from "./next.ts"
import { emptyReport, type Report } from "./reports.ts"

export interface Watched extends Knowledge {
  readonly hostId: HostId
  /** What survives this life of the master: shown, and never acted upon. */
  readonly report: Report
  /** How often the agent was told since it last agreed, or since the last order. */
  readonly attempts: number
  /** Told whenever something is heard or ordered. */
  readonly wake: Queue.Queue<void>
}

export const watch = (hostId: HostId, report: Report | undefined): Effect.Effect<Watched> =>
  Effect.map(Queue.sliding<void>(1), (wake) => ({
    hostId,
    report: report ?? emptyReport(hostId),
    wake,
    standing: undefined,
    heard: undefined,
    told: undefined,
    attempts: 0,
    notBefore: 0
  }))

/** How the host differs from what is wanted of it by its last report; nothing where it has no order, or has never reported. */
export const differencesOf = ({ report, standing }: Pick<Watched, "report" | "standing">): ReadonlyArray<string> =>
  standing?.wanted === undefined || report.said === undefined ? [] : drift(standing.wanted, report.said.topology)

/** The report with the time since which it differs: `at` unless it did before. */
export const dated = (report: Report, differs: boolean, at: string): Report => {
  const { drift_since, ...rest } = report
  return differs ? { ...rest, drift_since: drift_since ?? at } : rest
}
