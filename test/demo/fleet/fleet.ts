/** One master and two agents on a real container engine, with the real programs; every claim is checked. */
import { perform } from "../perform.ts"
import { cannotRun } from "./chapters/cannotRun.ts"
import { clear } from "./chapters/clear.ts"
import { drift } from "./chapters/drift.ts"
import { oldCopy } from "./chapters/oldCopy.ts"
import { order } from "./chapters/order.ts"
import { reboot } from "./chapters/reboot.ts"
import { start } from "./chapters/start.ts"
import { openFleet } from "./lab.ts"

await perform({ name: "demo:fleet", open: openFleet, deadlineSeconds: 240 }, async (fleet) => {
  fleet.show.paragraph(
    `One master and two lab hosts in ${fleet.root}. Commands read receiver.toml, lab-1.toml and lab-2.toml there (--config).`
  )
  await start(fleet)
  await order(fleet)
  await drift(fleet)
  await cannotRun(fleet)
  await reboot(fleet)
  await oldCopy(fleet)
  await clear(fleet)
})
