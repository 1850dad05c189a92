import { IMAGE } from "../../../support/engine.ts"
import type { Fleet } from "../lab.ts"
import { printer } from "../topologies.ts"
import { asWanted } from "./order.ts"

export const cannotRun = async (fleet: Fleet) => {
  const { below, master, rowOf, show, until, write } = fleet
  show.chapter("What cannot run", "lab-2 is to run an image that its engine has not got.")
  await master("topology", "set", "lab-2", below(write("printer.json", printer("nobody/has-this:1"))))
  await until("the agent to refuse it", async () => JSON.stringify((await rowOf("lab-2"))["told"]).includes("Refused"))
  show.gap()
  const { stdout } = await master("hosts")
  show.check("hosts says why, by name", stdout.replaceAll(/\s+/g, " ").includes("has no image nobody/has-this:1"))
  show.gap()
  await master("topology", "set", "lab-2", below(write("printer.json", printer(IMAGE))))
  await asWanted(fleet, "lab-2")
  show.check("mended, it runs", (await rowOf("lab-2"))["applied_topology_id"], "printer")
}
