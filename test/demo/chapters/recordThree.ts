import { join } from "node:path"
import { table } from "../../../src/cli/table.ts"
import { HOST, type Lab } from "../lab.ts"
import { type Plan, record, type Sample } from "../record.ts"
import { ulid } from "../ulid.ts"

interface Recording {
  readonly plan: Plan
  readonly samples: ReadonlyArray<Sample>
}

/** What a counter rose by between the first sample and the last. */
const rise = (samples: ReadonlyArray<Sample>, of: (sample: Sample) => number): number => {
  const [first, last] = [samples[0], samples.at(-1)]
  return first === undefined || last === undefined ? Number.NaN : of(last) - of(first)
}
const cpu = ({ samples }: Recording) => rise(samples, ({ stime, utime }) => stime + utime)
const reads = ({ samples }: Recording) => rise(samples, ({ syscr }) => syscr)
const writes = ({ samples }: Recording) => rise(samples, ({ syscw }) => syscw)

const WORKLOADS = ["compressor", "walk", "idle"] as const

export const recordThree = async (
  { checkout, commit, host, scratch, show, startWorkload, until }: Lab,
  signal: AbortSignal
) => {
  show.chapter(
    "Record",
    "Three processes at work, each sampled from /proc for two seconds into an episode of its own: one compresses, one walks a directory, one sleeps. The first episode gets a manifest in its done.marker."
  )
  const directories = { compressor: scratch, walk: join(checkout, "node_modules"), idle: scratch }
  const processes = await Promise.all(WORKLOADS.map((name) => startWorkload(name, directories[name])))
  await until("the workloads to begin", () => processes.every(({ stdout }) => stdout() !== ""))
  const now = Date.now()
  const recordings = await Promise.all(
    processes.map(async ({ name, pid }, place): Promise<Recording> => {
      const id = ulid(now + place)
      const directory = join(host.episodes, id)
      const plan = { id, host: HOST, label: name, commit, pid, directory, scratch, manifest: name === "compressor" }
      return { plan, samples: await record(plan, signal) }
    })
  )
  await Promise.all(processes.map((child) => child.stop()))

  const row = (of: Recording) =>
    [of.plan.id, of.plan.label, of.samples.length, cpu(of), reads(of), writes(of)].map(String)
  const head = ["EPISODE", "LABEL", "SAMPLES", "CPU TICKS", "READS", "WRITES"]
  show.print(table([head, ...recordings.map(row)], { right: [2, 3, 4, 5] }))
  const [compressor, walk, idle] = recordings
  if (compressor === undefined || walk === undefined || idle === undefined) throw new Error("not three recordings")
  show.gap()
  show.exhibit("a line of telemetry-proc.jsonl", [JSON.stringify(compressor.samples.at(-1))])
  show.check("the compressor worked and the idle process did not", cpu(compressor) > cpu(idle))
  show.check("the walk read, and the idle process did not", reads(walk) > reads(idle))
  return { compressor: compressor.plan, walk: walk.plan, idle: idle.plan }
}
