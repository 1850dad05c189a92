import { table } from "../../../src/cli/table.ts"
import type { Child } from "../children.ts"
import type { Lab } from "../lab.ts"
import { namesIn, openTarball, readIndex, tree } from "../look.ts"
import type { Plan } from "../record.ts"
import { checkStored, tarball } from "../stored.ts"

const shipped = ({ host }: Lab, id: string) => namesIn(host.shipped).includes(`${id}.receipt.json`)

export const ship = async (lab: Lab, daemon: Child, plans: ReadonlyArray<Plan>) => {
  const { central, host, run, show, until } = lab
  show.chapter("Ship", "The daemon ships each episode as its done.marker appears, without being asked.")
  await until("three receipts", () => plans.every(({ id }) => shipped(lab, id)))
  await until("the daemon's word on them", () => daemon.stderr().match(/^<6>shipped .*$/gm)?.length === 3)
  show.exhibit(
    "the daemon's log",
    daemon
      .stderr()
      .match(/^<6>shipped .*$/gm)
      ?.map((line) => line.slice(3)) ?? []
  )
  show.check("episodes/ and outbox/ are empty again", [namesIn(host.episodes), namesIn(host.outbox)], [[], []])
  show.gap()
  const status = await run("cis490-shipper", "status")
  show.check("status says that three were shipped", /^shipped +3 /m.test(status.stdout))
  show.gap()
  show.exhibit("on the lab host", tree(host.root, ["state"]))
  show.gap()
  show.exhibit("on the receiver", tree(central.root))
  show.gap()
  const rows = readIndex(central.index)
  const cells = rows.map((row) => [row.episode_id, String(row.bytes), row.sha256.slice(0, 12), row.received_at])
  show.exhibit("the index, in columns", table([["EPISODE_ID", "BYTES", "SHA256", "RECEIVED_AT"], ...cells]).split("\n"))
  show.check(
    "the index has these three",
    rows.map((row) => row.episode_id).toSorted(),
    plans.map(({ id }) => id)
  )
  show.gap()
  const [first] = plans
  if (first === undefined) throw new Error("there is no first episode")
  const { members } = await openTarball(tarball(lab, first.id))
  show.exhibit(
    "in the first tarball",
    members.map(({ name, size }) => `${name.padEnd(50)} ${String(size).padStart(8)} B`)
  )
  for (const { id } of plans) await checkStored(lab, id)
  show.gap()
  const verify = await run("cis490-receiver", "verify")
  show.check("verify has read all of it and found nothing", verify.status, 0)
}
