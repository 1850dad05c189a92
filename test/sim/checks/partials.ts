/** A tarball that is being written is taken away by nobody, as long as its episode is there. */
import { type Check, programOf, type Scene } from "./check.ts"
import { EPISODES, OUTBOX } from "./places.ts"
import { Violation } from "./violation.ts"

const SUFFIX = ".tar.zst.partial"

export const partials = (scene: Scene): Check => ({
  performed: (process, { method, target }) => {
    if (method !== "rename" || !programOf(process).endsWith("/shipper")) return
    const [from = "", to = ""] = target.split(" → ")
    if (!from.endsWith(SUFFIX)) return
    const id = from.slice(OUTBOX.length + 1, -SUFFIX.length)
    const view = process.machine.disk.current()
    if (view.stat(to) !== undefined || view.stat(`${EPISODES}/${id}`) === undefined) return
    if (scene.ledger.isDisturbed(process.machine.name, id) || scene.ledger.of(process.machine.name, id).length !== 1)
      return
    throw new Violation(
      "the sweep leaves alone what belongs to an episode",
      `${from} is gone before it could be renamed`
    )
  }
})
