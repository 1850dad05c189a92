/** A recorder: samples a process into an episode. */
import { createHash } from "node:crypto"
import { appendFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"

export interface Plan {
  readonly id: string
  readonly host: string
  readonly label: string
  readonly commit: string
  readonly pid: number
  /** The directory that becomes the episode. */
  readonly directory: string
  /** A directory on the same filesystem. */
  readonly scratch: string
  /** Whether `done.marker` is a manifest of the other files, or empty. */
  readonly manifest: boolean
}

/** Clock ticks, pages and bytes, as in proc(5); `t` is seconds since the recording began. */
export interface Sample {
  readonly t: number
  readonly utime: number
  readonly stime: number
  readonly rss: number
  readonly rchar: number
  readonly wchar: number
  readonly syscr: number
  readonly syscw: number
  readonly read_bytes: number
  readonly write_bytes: number
}

const EVERY_MILLIS = 100
const SAMPLES = 21

/** After the name, which may hold spaces and brackets itself, from the third field on. */
const fieldsOf = (stat: string): ReadonlyArray<string> => stat.slice(stat.lastIndexOf(")") + 2).split(" ")

const sample = async (pid: number, t: number): Promise<Sample> => {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8")
  const [stat, statm, io] = await Promise.all([read("stat"), read("statm"), read("io")])
  const fields = fieldsOf(stat)
  const counter = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(io)?.[1])
  return {
    t,
    utime: Number(fields[11]),
    stime: Number(fields[12]),
    rss: Number(statm.split(" ")[1]),
    rchar: counter("rchar"),
    wchar: counter("wchar"),
    syscr: counter("syscr"),
    syscw: counter("syscw"),
    read_bytes: counter("read_bytes"),
    write_bytes: counter("write_bytes")
  }
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** What `sha256sum *` prints. */
const manifestOf = async (directory: string): Promise<string> => {
  const names = (await readdir(directory)).toSorted()
  const lines = names.map(async (name) => `${sha256(await readFile(join(directory, name)))}  ${name}\n`)
  return (await Promise.all(lines)).join("")
}

/** The episode is ready when this is there, so it comes last, and whole. */
export const finish = async ({ directory, id, manifest, scratch }: Plan) => {
  const draft = join(scratch, `${id}.marker`)
  await writeFile(draft, manifest ? await manifestOf(directory) : "")
  await rename(draft, join(directory, "done.marker"))
}

export const metaOf = ({ commit, host, id, label, pid }: Plan, startedAt: Date) =>
  line({
    episode_id: id,
    host,
    workload: { name: label, pid },
    label,
    started_at: startedAt.toISOString(),
    sampled_every_ms: EVERY_MILLIS,
    code_version: { commit }
  })

/** Records for about two seconds, and gives what was sampled. */
export const record = async (plan: Plan, signal: AbortSignal): Promise<ReadonlyArray<Sample>> => {
  const { directory, label, pid } = plan
  await mkdir(directory)
  const append = (name: string, value: unknown) => appendFile(join(directory, name), line(value))
  const startedAt = new Date()
  const start = performance.now()
  const elapsed = () => Math.round(performance.now() - start) / 1000
  const samples: Array<Sample> = []

  await append("events.jsonl", { t: 0, event: "recording started", pid })
  while (samples.length < SAMPLES) {
    const taken = await sample(pid, elapsed())
    samples.push(taken)
    await append("telemetry-proc.jsonl", taken)
    await setTimeout(EVERY_MILLIS, undefined, { signal })
  }
  const end = elapsed()
  await append("events.jsonl", { t: end, event: "recording ended", pid })
  await append("labels.jsonl", { from: 0, to: end, label })
  await writeFile(join(directory, "meta.json"), metaOf(plan, startedAt))
  await finish(plan)
  return samples
}
