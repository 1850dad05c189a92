import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { HOST, type Lab } from "../lab.ts"
import { namesIn, readIndex } from "../look.ts"
import { passes } from "../pass.ts"
import { metaOf, type Plan } from "../record.ts"
import { checkStored } from "../stored.ts"
import { ulid } from "../ulid.ts"

export const mend = async (lab: Lab, over: Plan, partial: Plan) => {
  const { central, host, run, show } = lab
  show.chapter(
    "Mend",
    "The conflict gets an id of its own, for both are wanted. The other gets its meta.json and is sent again."
  )
  const newId = ulid()
  const resolved = await run("cis490-shipper", "resolve", over.id, "--as", newId)
  show.check("resolved", resolved.status, 0)
  show.gap()
  writeFileSync(join(host.quarantine, partial.id, "meta.json"), metaOf(partial, new Date()))
  const requeued = await run("cis490-shipper", "requeue", partial.id)
  show.check("back in episodes/", [requeued.status, namesIn(host.quarantine)], [0, []])
  show.gap()
  await passes(lab, "both are shipped", { scanned: 2, shipped: 2, again: 0, conflicts: 0, fatal: 0 })
  for (const id of [newId, partial.id]) await checkStored(lab, id)
  show.gap()
  const verify = await run("cis490-receiver", "verify")
  show.check("five rows, five files, all well", [verify.status, readIndex(central.index).length], [0, 5])
  show.gap()
  const hosts = await run("cis490-receiver", "hosts")
  show.check("the receiver knows the host", hosts.stdout.includes(HOST))
}
