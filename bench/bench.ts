/**
 * How fast finished episodes become durable, indexed data, beside what one would use instead: `npm run bench -- [SMALL MEDIUM LARGE]
 * [--rounds N] [--only PART-OF-A-NAME]…`. Whole processes over real files and loopback, in turn, after one round of warming up.
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Contender } from "./contenders/contender.ts"
import { nodePair } from "./contenders/nodePair.ts"
import { ours } from "./contenders/ours.ts"
import { pythonPair } from "./contenders/pythonPair.ts"
import { rsync } from "./contenders/rsync.ts"
import { shell, tarZstd } from "./contenders/shell.ts"
import { inOwnNetwork } from "./link/ownNetwork.ts"
import { cpuOfChildren, cpuSeconds, watchMemory, wireBytes } from "./measure.ts"
import { build, median } from "./programs.ts"
import { record, type Workload, type WorkloadName, workloads } from "./workload.ts"

const everybody: ReadonlyArray<Contender> = [
  ours,
  nodePair(4),
  nodePair(8),
  pythonPair,
  rsync("rsync --fsync", []),
  rsync("rsync --fsync -z", ["-z", "--zc=zstd"]),
  shell(1),
  shell(4),
  tarZstd
]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, only: { type: "string", multiple: true } }
})
const rounds = Number(values.rounds)
const names = (positionals.length > 0 ? positionals : ["SMALL", "MEDIUM", "LARGE"]) as ReadonlyArray<WorkloadName>
const root = mkdtempSync(join(tmpdir(), "cis490-bench-"))
const MIB = 1024 * 1024
const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Figure {
  readonly seconds: number
  /** Processor seconds and resident bytes at most. */
  readonly client: { readonly cpu: number; readonly peak: number }
  readonly server: { readonly cpu: number; readonly peak: number }
  readonly wire: number | undefined
}

const runClient = async (
  argv: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  server: number | undefined
) => {
  const [program = "", ...args] = argv
  const before = { cpu: cpuOfChildren(), wire: wireBytes(), server: server === undefined ? 0 : cpuSeconds(server) }
  const began = performance.now()
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] })
  const memory = watchMemory([child.pid ?? 0, ...(server === undefined ? [] : [server])])
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000)
  })
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  const seconds = (performance.now() - began) / 1000
  const [clientPeak = 0, serverPeak = 0] = await memory.stop()
  if (code !== 0) throw new Error(`${argv.join(" ")} ended ${code}: ${said}`)
  const wire = wireBytes()
  return {
    seconds,
    client: { cpu: cpuOfChildren() - before.cpu, peak: clientPeak },
    server: { cpu: server === undefined ? 0 : cpuSeconds(server) - before.server, peak: serverPeak },
    wire: wire === undefined || before.wire === undefined ? undefined : wire - before.wire
  } satisfies Figure
}

/** Hard links: the files are the same, the directories are moved about. */
const copyOf = (recorded: string, dataRoot: string): void => {
  mkdirSync(dataRoot, { recursive: true })
  const { status } = spawnSync("cp", ["-al", join(recorded, "episodes"), dataRoot])
  if (status !== 0) throw new Error("the episodes cannot be copied")
}

/**
 * Every run has a directory of its own, and many small files go only at the end: for minutes ext4 looks at every inode that was given
 * back before it gives out another one (`recently_deleted`), and one run would pay for the one before.
 */
let runs = 0
const once = async (contender: Contender, recorded: string, { bytes, episodes }: Workload): Promise<Figure> => {
  const run = join(root, `run-${runs++}`)
  const [dataRoot, place] = [join(run, "data"), join(run, "centre")]
  copyOf(recorded, dataRoot)
  const served = await contender.serve(place)
  try {
    const { argv, env } = contender.client({ dataRoot, place, port: served?.port ?? 0 })
    const figure = await runClient(argv, env ?? {}, served?.pid)
    const arrived = contender.arrived(place)
    if (arrived < episodes) throw new Error(`${contender.name}: ${arrived} of ${episodes} arrived`)
    return figure
  } finally {
    await served?.stop()
    if (bytes >= MIB) rmSync(run, { recursive: true, force: true })
    spawnSync("sync")
  }
}

const cells = (row: ReadonlyArray<string>): string =>
  `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(36) : cell.padStart(11))).join(" | ")} |`

const report = (name: WorkloadName, figures: ReadonlyMap<string, ReadonlyArray<Figure>>): void => {
  const { bytes, episodes } = workloads[name]
  const total = bytes * episodes
  const speed = (seconds: number): number =>
    name === "SMALL" || name === "BACKLOG" ? episodes / seconds : total / 1e6 / seconds
  const unit = name === "SMALL" || name === "BACKLOG" ? "episodes/s" : "MB/s"
  const of = (runs: ReadonlyArray<Figure>, pick: (figure: Figure) => number): number => median(runs.map(pick))
  const own = of(figures.get(ours.name) ?? [], ({ seconds }) => seconds)
  say(`\n${name}: ${episodes} episodes of ${bytes / 1024} KiB; medians of ${rounds}\n`)
  say(cells(["", unit, "range", "ours ×", "CPU c s/GB", "CPU s s/GB", "MiB c", "MiB s", "wire MB"]))
  say(cells(["---", ...Array.from({ length: 8 }, () => "---:")]))
  for (const [contender, runs] of figures) {
    const seconds = runs.map((run) => run.seconds)
    const perGb = (side: "client" | "server"): string => ((of(runs, (run) => run[side].cpu) * 1e9) / total).toFixed(1)
    const wire = of(runs, (run) => run.wire ?? Number.NaN)
    say(
      cells([
        contender,
        speed(median(seconds)).toFixed(0),
        `${speed(Math.max(...seconds)).toFixed(0)}–${speed(Math.min(...seconds)).toFixed(0)}`,
        (median(seconds) / own).toFixed(2),
        perGb("client"),
        perGb("server"),
        (of(runs, (run) => run.client.peak) / MIB).toFixed(0),
        (of(runs, (run) => run.server.peak) / MIB).toFixed(0),
        Number.isNaN(wire) ? "–" : (wire / 1e6).toFixed(1)
      ])
    )
  }
}

const measure = async (name: WorkloadName): Promise<void> => {
  const recorded = join(root, name)
  record(recorded, workloads[name])
  const wanted = everybody.filter(
    (each) => each === ours || values.only === undefined || values.only.some((part) => each.name.includes(part))
  )
  const able = wanted.filter((each) => each.missing() === undefined)
  for (const each of wanted) if (each.missing() !== undefined) say(`left out: ${each.name} ${each.missing()}`)
  const figures = new Map<string, Array<Figure>>(able.map((each) => [each.name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const contender of able) {
      const figure = await once(contender, recorded, workloads[name])
      // The first round warms up.
      if (round > 0) figures.get(contender.name)?.push(figure)
    }
  }
  report(name, figures)
  rmSync(recorded, { recursive: true, force: true })
}

process.once("exit", () => rmSync(root, { recursive: true, force: true }))
process.once("SIGINT", () => process.exit(1))
const ended = inOwnNetwork("plain")
if (ended !== undefined) process.exitCode = ended
else {
  build()
  for (const name of names) await measure(name)
}
