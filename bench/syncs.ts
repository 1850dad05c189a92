/** Which files are synced for one episode, on either side: no speed is to come from dropping one. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, renameSync } from "node:fs"
import { join } from "node:path"
import { shipperArgv, startReceiver } from "./contenders/ours.ts"
import { keep } from "./keep.ts"
import { measuredNow } from "./machine.ts"
import { readOptions, say } from "./options.ts"
import { makePlace } from "./place.ts"
import { build } from "./programs.ts"
import { report } from "./report/table.ts"
import type { Syncs } from "./results.ts"
import { beyond, straced, straceMissing, syncsIn } from "./strace.ts"
import { episodeId, record, workloads } from "./workload.ts"

const HELP = `
npm run syncs -- [--results DIRECTORY]

Lists the fsync and fdatasync calls of a pass of the shipper with one episode of SMALL, less those of a pass with nothing to do, and those of
one PUT on the receiver, with the file each was for. Needs strace.

  --results DIRECTORY   where to keep it (bench/results)`

const { values } = readOptions(HELP, { results: { type: "string" } })

const trace = async (root: string): Promise<Pick<Syncs, "shipper" | "receiver">> => {
  const [dataRoot, centre, recorded] = ["host", "centre", "recorded"].map((name) => join(root, name)) as [
    string,
    string,
    string
  ]
  mkdirSync(join(dataRoot, "episodes"), { recursive: true })
  record(recorded, { ...workloads.SMALL, episodes: 2 })
  const logs = { shipper: join(root, "shipper.log"), receiver: join(root, "receiver.log") }
  // Detached, so that signals reach the receiver and not strace.
  const receiver = await startReceiver(centre, [...straced(logs.receiver), "-D"])
  const host = { dataRoot, place: root, port: receiver.port }
  const plain = (path: string): string =>
    path
      .replace(`${dataRoot}/`, "")
      .replace(`${centre}/`, "")
      .replaceAll(/01KDVC\d+/g, "<id>")
      .replace(/~[0-9a-z]+\.part$/, "~….part")

  const pass = (episodes: ReadonlyArray<string>) => {
    for (const id of episodes) renameSync(join(recorded, "episodes", id), join(dataRoot, "episodes", id))
    const before = readFileSync(logs.receiver, "utf8").length
    const [program = "", ...args] = [...straced(logs.shipper), ...shipperArgv(host, "once", "--json")]
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" })
    if (status !== 0) throw new Error(`the pass ended ${status}: ${stderr}`)
    return {
      shipper: syncsIn(readFileSync(logs.shipper, "utf8"), plain),
      receiver: syncsIn(readFileSync(logs.receiver, "utf8").slice(before), plain)
    }
  }
  try {
    // The first makes the directories.
    pass([episodeId(0)])
    const nothing = pass([])
    const one = pass([episodeId(1)])
    return { shipper: beyond(one.shipper, nothing.shipper), receiver: beyond(one.receiver, nothing.receiver) }
  } finally {
    await receiver.stop()
  }
}

const main = async (): Promise<void> => {
  build()
  const results = { SYNCS: { ...measuredNow(), ...(await trace(makePlace("syncs"))) } }
  say(report(results))
  keep(results, values.results, true)
}

const missing = straceMissing()
if (missing !== undefined) say(`left out: the calls that sync, which ${missing}`)
else await main()
