import { showEngine } from "../engineTable.ts"
import type { Fleet, Host } from "../lab.ts"
import { HONEYPOT } from "../topologies.ts"

/** From now on: what it reported before counts for nothing. */
export const asWanted = (fleet: Fleet, host: Host) => {
  const now = new Date().toISOString()
  return fleet.until(`${host} to report what is wanted`, async () => {
    const { last_heartbeat, managed, needs_resync, superseded_by } = await fleet.rowOf(host)
    const isNew = String(last_heartbeat ?? "") > now
    return isNew && managed === true && needs_resync === false && superseded_by === null
  })
}

const reaches = async ({ engine }: Fleet, from: string, address: string): Promise<boolean> =>
  (await engine().api.exec(`decnet-topology-honeypot-${from}`, "ping", "-c", "1", "-W", "1", address)).code === 0

export const order = async (fleet: Fleet) => {
  const { master, show, write } = fleet
  show.chapter("Order", "lab-1 is to run two LANs and three deckies, one of them on both LANs.")
  const file = write("honeypot.json", HONEYPOT)
  const { lans, deckies } = HONEYPOT
  show.exhibit(
    file,
    [...lans, ...deckies].map((part) => JSON.stringify(part))
  )
  const set = await master("topology", "set", "lab-1", fleet.below(file))
  show.check("taken", set.status, 0)
  await asWanted(fleet, "lab-1")
  show.gap()
  await master("hosts")
  show.gap()
  const rows = await showEngine(fleet)
  show.check("two networks and three running containers", rows.map(([, , state]) => state).toSorted(), [
    "bridge",
    "internal",
    "running",
    "running",
    "running"
  ])
  show.check("web reaches db, both on the inner LAN", await reaches(fleet, "web", "10.213.2.10"))
  show.check("web reaches lure, both in the DMZ", await reaches(fleet, "web", "10.213.1.20"))
  show.check("db does not reach lure: there is no way across", await reaches(fleet, "db", "10.213.1.20"), false)
}
