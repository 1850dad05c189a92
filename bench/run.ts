/** One contender ships some episodes once, and what the kernel says of it. */
import { spawn, spawnSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Contender } from "./contenders/contender.ts"
import { cpuOfChildren, cpuSeconds, peakOf, watchPeak, wireBytes } from "./measure.ts"
import { settle } from "./place.ts"
import type { Run } from "./results.ts"
import { MIB } from "./units.ts"
import type { Workload } from "./workload.ts"

const runClient = async (
  { argv, env = {} }: ReturnType<Contender["client"]>,
  { processes }: Contender,
  server: number | undefined,
  log: string
): Promise<Run> => {
  const [program = "", ...args] = argv
  const [before, serverBefore, watched] = [cpuOfChildren(), server && cpuSeconds(server), process.cpuUsage()]
  const wireBefore = wireBytes()
  const began = performance.now()
  const output = openSync(log, "w")
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", output] })
  closeSync(output)
  const client = watchPeak(child.pid ?? 0, processes.client)
  // A server is alive when the client ends, and the kernel knows its peak then.
  const serverFamily = server !== undefined && processes.server === "several" ? watchPeak(server, "several") : undefined
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  const seconds = (performance.now() - began) / 1000
  const [clientPeak, familyPeak] = [client.stop(), serverFamily?.stop()]
  const used = process.cpuUsage(watched)
  if (code !== 0)
    throw new Error(`its client ended ${code}\n${argv.join(" ")}\n${readFileSync(log, "utf8").slice(-4000)}`)
  const wire = wireBytes()
  return {
    seconds,
    client: { cpu: cpuOfChildren() - before, peak: clientPeak },
    server:
      server === undefined || serverBefore === undefined
        ? null
        : { cpu: cpuSeconds(server) - serverBefore, peak: familyPeak ?? peakOf(server) },
    wire: wire === undefined || wireBefore === undefined ? null : wire - wireBefore,
    watching: (used.user + used.system) / 1e6
  }
}

/** Hard links of the first so many: the files are the same, the directories are moved about. */
const copyOf = (recorded: string, episodes: number, dataRoot: string): void => {
  const target = join(dataRoot, "episodes")
  mkdirSync(target, { recursive: true })
  const from = readdirSync(join(recorded, "episodes")).toSorted().slice(0, episodes)
  const { status } = spawnSync("cp", ["-al", ...from.map((id) => join(recorded, "episodes", id)), target])
  if (status !== 0) throw new Error("the episodes cannot be copied")
}

/** The first episodes that were recorded, shipped by a contender from and to a directory of its own, `run`. */
export const ship = async (
  contender: Contender,
  recorded: string,
  { bytes, episodes }: Workload,
  run: string
): Promise<Run> => {
  const [dataRoot, centre] = [join(run, "data"), join(run, "centre")]
  copyOf(recorded, episodes, dataRoot)
  const served = await contender.serve(centre)
  try {
    settle()
    const client = contender.client({ dataRoot, place: centre, port: served?.port ?? 0 })
    const figures = await runClient(client, contender, served?.pid, join(run, "client.log"))
    const arrived = contender.arrived(centre)
    if (arrived < episodes) throw new Error(`${contender.name}: ${arrived} of ${episodes} arrived`)
    return figures
  } finally {
    await served?.stop()
    if (bytes >= MIB) rmSync(run, { recursive: true, force: true })
    settle()
  }
}
