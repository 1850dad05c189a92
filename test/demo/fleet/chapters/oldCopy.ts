import { copyFileSync } from "node:fs"
import { inEngine } from "../engineTable.ts"
import type { Fleet } from "../lab.ts"
import { HONEYPOT_GROWN } from "../topologies.ts"
import { asWanted } from "./order.ts"

export const oldCopy = async (fleet: Fleet) => {
  const { below, master, rowOf, show, startMaster, stop, until, write } = fleet
  show.chapter(
    "A master that forgot",
    "lab-1 gets one more decky. Then the master's database is restored from a copy that was made before."
  )
  copyFileSync(below("central/fleet.db"), below("fleet.db.copy"))
  await master("topology", "set", "lab-1", below(write("grown.json", HONEYPOT_GROWN)))
  await asWanted(fleet, "lab-1")
  const before = await inEngine(fleet)
  show.check(
    "the decky is there",
    before.some(([, name]) => name === "decnet-topology-honeypot-backup")
  )
  await stop("master")
  copyFileSync(below("fleet.db.copy"), below("central/fleet.db"))
  show.gap()
  await startMaster()
  const seen = (await rowOf("lab-1"))["last_heartbeat"]
  await until("the next heartbeats", async () => {
    const { last_heartbeat, superseded_by } = await rowOf("lab-1")
    return last_heartbeat !== seen && superseded_by !== null
  })
  show.gap()
  const { stdout } = await master("hosts")
  show.check(
    "hosts says so, and what mends it",
    stdout.replaceAll(/\s+/g, " ").includes("topology set lab-1 FILE --take-over")
  )
  show.check("nothing was torn down or changed", await inEngine(fleet), before)
  show.gap()
  const taken = await master("topology", "set", "lab-1", below("grown.json"), "--take-over")
  show.check("taken over", taken.status, 0)
  await asWanted(fleet, "lab-1")
  show.check("nothing was changed by that either", await inEngine(fleet), before)
}
