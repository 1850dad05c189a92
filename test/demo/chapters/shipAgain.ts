import type { Child } from "../children.ts"
import type { Lab } from "../lab.ts"
import { sha256Of } from "../look.ts"
import { passes } from "../pass.ts"
import type { Plan } from "../record.ts"
import { receiptOf, tarball } from "../stored.ts"

export const shipAgain = async (lab: Lab, daemon: Child, { id }: Plan) => {
  const { central, run, show, stopDaemon } = lab
  show.chapter(
    "Ship again",
    "From here on the daemon rests and `once` does its passes, so that each can be seen. Sending what is there already changes nothing."
  )
  show.check("the daemon ends with 0 on SIGTERM", await stopDaemon(daemon), 0)
  const digests = () => [sha256Of(central.index), sha256Of(tarball(lab, id))]
  const before = digests()
  show.gap()
  await run("cis490-shipper", "reship", id)
  show.gap()
  await passes(lab, "the pass ships it", { scanned: 1, shipped: 1, again: 0, conflicts: 0, fatal: 0 })
  show.check("the receiver has said already_present", receiptOf(lab, id).status, "already_present")
  show.check("the store and the index are as before", digests(), before)
}
