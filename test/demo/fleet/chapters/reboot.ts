import { inEngine, showEngine } from "../engineTable.ts"
import type { Fleet } from "../lab.ts"
import { asWanted } from "./order.ts"

const printers = async (fleet: Fleet) => (await inEngine(fleet)).filter(([, name]) => name?.includes("printer"))

/** What a reboot does to an engine that is told to keep nothing. */
const loseAll = async ({ engine }: Fleet) => {
  const { api } = engine()
  await api.must("DELETE", "/containers/decnet-topology-printer-laser?force=1")
  await api.must("DELETE", "/networks/decnet-topology-printer-office")
}

export const reboot = async (fleet: Fleet) => {
  const { agentState, master, show, startAgent, startMaster, stop } = fleet
  show.chapter(
    "Reboot",
    "The master is away, and lab-2 reboots: what ran there is gone, and what the agent remembers is still there. A stale topology must not come back to life by itself."
  )
  await stop("master")
  await stop("lab-2")
  await loseAll(fleet)
  await startAgent("lab-2")
  show.gap()
  await agentState("lab-2")
  await new Promise((resolve) => setTimeout(resolve, 3000))
  show.gap()
  await showEngine(fleet)
  show.check("three heartbeats later nothing of it has come back", await printers(fleet), [])
  show.gap()
  await startMaster()
  await asWanted(fleet, "lab-2")
  show.check("the master is back and has asked: it runs again", (await printers(fleet)).length, 2)
  show.gap()
  await master("hosts")
}
