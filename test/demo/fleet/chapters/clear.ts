import { showEngine } from "../engineTable.ts"
import { type Fleet, HOSTS } from "../lab.ts"
import { asWanted } from "./order.ts"

export const clear = async (fleet: Fleet) => {
  const { master, show, stop } = fleet
  show.chapter("Clear", "Both hosts are to run nothing.")
  for (const host of HOSTS) {
    await master("topology", "clear", host)
    await asWanted(fleet, host)
  }
  show.gap()
  await master("hosts")
  show.gap()
  show.check("the engine has nothing of ours any more", await showEngine(fleet), [])
  show.check("all end with 0 on SIGTERM", await Promise.all(["master", ...HOSTS].map(stop)), [0, 0, 0])
}
