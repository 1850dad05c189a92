import * as Effect from "effect/Effect"
import { digestText } from "../../digestText.ts"
import { Orders } from "../../services/Orders.ts"
import { readHosts } from "../hosts.ts"
import type { MasterFiles } from "./book.ts"
import { fleetRows } from "./fleet.ts"
import { standingOf } from "./order.ts"
import { readReports } from "./reports.ts"

/** Where everything about the fleet lies. */
export interface FleetFiles extends MasterFiles {
  /** What hosts said when they checked in. */
  readonly hosts: string
  /** The hosts in `[fleet.<host_id>]`. */
  readonly known: ReadonlySet<string>
}

/** The fleet as it is on disk, without asking the receiver that runs. */
export const readFleet = Effect.fnUntraced(function* ({ hosts, known, orders, reports }: FleetFiles) {
  const service = yield* Orders
  const digest = yield* digestText
  const standings = (yield* service.all(orders)).map((order) => standingOf(order, digest))
  return fleetRows({ known, standings, checkIns: yield* readHosts(hosts), reports: yield* readReports(reports) })
})
