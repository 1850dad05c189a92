import { type Fleet, HOSTS } from "../lab.ts"

export const start = async (fleet: Fleet) => {
  const { configure, master, show, startAgent, startEngine, startMaster, until } = fleet
  show.chapter(
    "Start",
    "A container engine of its own (Debian's dockerd, in namespaces that end with it), the agents of two lab hosts, and last the master: agents do not mind when it is away."
  )
  await startEngine()
  await configure()
  for (const host of HOSTS) await startAgent(host)
  await startMaster()
  await until("both agents to report", async () =>
    (await Promise.all(HOSTS.map(fleet.rowOf))).every((row) => row["last_heartbeat"] !== null)
  )
  show.gap()
  const { stdout } = await master("hosts")
  show.check("both are known, and nobody has said what they should run", stdout.match(/unmanaged/g)?.length, 2)
}
