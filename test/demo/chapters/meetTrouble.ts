import { cpSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { table } from "../../../src/cli/table.ts"
import type { Lab } from "../lab.ts"
import { namesIn, readIndex, readJson, sha256Of } from "../look.ts"
import { passes } from "../pass.ts"
import { finish, type Plan } from "../record.ts"
import { tarball } from "../stored.ts"

/** The same id recorded once more, with another label. */
const recordOver = async ({ host }: Lab, plan: Plan) => {
  cpSync(join(host.shipped, plan.id), plan.directory, { recursive: true })
  rmSync(join(plan.directory, "done.marker"))
  writeFileSync(join(plan.directory, "labels.jsonl"), `${JSON.stringify({ from: 0, to: 2, label: "asleep" })}\n`)
  await finish(plan)
}

/** One whose recorder did not get round to meta.json. */
const recordPartly = async ({ host }: Lab, plan: Plan, from: Plan) => {
  cpSync(join(host.shipped, from.id), plan.directory, { recursive: true })
  rmSync(join(plan.directory, "done.marker"))
  rmSync(join(plan.directory, "meta.json"))
  await finish(plan)
}

export const meetTrouble = async (lab: Lab, over: Plan, partial: Plan, from: Plan) => {
  const { central, host, run, show } = lab
  show.chapter(
    "Trouble",
    "Two bad episodes: one id was recorded twice, with different content, and one episode has no meta.json."
  )
  await recordOver(lab, over)
  await recordPartly(lab, partial, from)
  const stored = sha256Of(tarball(lab, over.id))
  await passes(lab, "one is in conflict, one is refused", { scanned: 2, shipped: 0, again: 0, conflicts: 1, fatal: 1 })

  show.gap()
  const note = readJson(join(host.outbox, `${over.id}.conflict.json`))
  const { error, remediation, stored_sha256, your_sha256 } = note
  show.exhibit(
    `from ${join(host.outbox, `${over.id}.conflict.json`)}`,
    table(Object.entries({ error, stored_sha256, your_sha256, remediation })).split("\n")
  )
  show.check("the note names the stored digest", stored_sha256, stored)
  show.check("and another one", your_sha256 !== stored && /^[0-9a-f]{64}$/.test(your_sha256))
  show.check("the stored file was not replaced", sha256Of(tarball(lab, over.id)), stored)
  show.check("the episode is held, not lost", namesIn(host.episodes), [over.id])

  show.gap()
  const listed = await run("cis490-shipper", "quarantine", "list")
  show.check(
    "the refused one is listed with its reason",
    /invalid_archive[^]*meta\.json is missing/.test(listed.stdout)
  )
  const { reason, status_code } = readJson(join(host.quarantine, partial.id, "quarantine_reason.json"))
  show.check("and with it on disk", { reason, status_code }, { reason: "invalid_archive", status_code: 422 })
  show.check(
    "nothing of it was stored",
    readIndex(central.index).some(({ episode_id }) => episode_id === partial.id),
    false
  )
}
