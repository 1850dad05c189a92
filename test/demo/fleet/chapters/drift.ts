import { inEngine, showEngine } from "../engineTable.ts"
import type { Fleet } from "../lab.ts"
import { asWanted } from "./order.ts"

const WEB = "decnet-topology-honeypot-web"

const isRunning = async (fleet: Fleet): Promise<boolean> =>
  (await inEngine(fleet)).some(([, name, state]) => name === WEB && state === "running")

export const drift = async (fleet: Fleet) => {
  const { engine, saidBy, saidSoFar, show, until } = fleet
  show.chapter("Drift", "A container is killed behind the agent's back. Nobody says so to the agent, or to the master.")
  const before = saidSoFar("master")
  const others = (await engine().api.containers()).filter(({ Names }) => Names[0] !== `/${WEB}`).map(({ Id }) => Id)
  await engine().api.must("POST", `/containers/${WEB}/kill`)
  await until("the container to run again", () => isRunning(fleet))
  await asWanted(fleet, "lab-1")
  const said = saidBy("master", before, /lab-1/)
  show.exhibit(
    "the master's log",
    said.map((line) => line.slice("<6>".length))
  )
  show.check(
    "the drift was seen, in words",
    said.some((line) => /lab-1 is not as it is wanted: decky web is /.test(line))
  )
  show.check(
    "the agent was told",
    said.some((line) => line.includes("telling lab-1 to run honeypot"))
  )
  show.check(
    "and the master is content again",
    said.some((line) => line.includes("lab-1 runs what it should"))
  )
  show.gap()
  await showEngine(fleet)
  const now = (await engine().api.containers()).map(({ Id }) => Id)
  show.check(
    "the other containers were left alone",
    others.every((id) => now.includes(id))
  )
}
