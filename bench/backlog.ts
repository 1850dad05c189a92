/** Many waiting episodes: the last as fast as the first, little work when there is nobody to send them to, none when there are none. */
import { spawn } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Served } from "./contenders/contender.ts"
import { shipperArgv, startReceiver } from "./contenders/ours.ts"
import { NOWHERE } from "./fixtures.ts"
import { keep } from "./keep.ts"
import { measuredNow } from "./machine.ts"
import { cpuOfChildren, cpuSeconds, fineCpuSeconds, peakOf, watchPeak } from "./measure.ts"
import { count, readOptions, say } from "./options.ts"
import { sampleCpu, thousandsOf } from "./pace.ts"
import { makePlace, settle } from "./place.ts"
import { build } from "./programs.ts"
import { report } from "./report/table.ts"
import type { Backlog } from "./results.ts"
import { arrivals } from "./rows.ts"
import { indexPath } from "./settings.ts"
import { record, workloads } from "./workload.ts"

const { BACKLOG } = workloads
const HELP = `
npm run backlog -- [--episodes N] [--idle S] [--results DIRECTORY]

Passes over ${BACKLOG.episodes} waiting episodes of ${BACKLOG.bytes / 1024} KiB with the receiver down, then ships them all, then lets both daemons idle, beside a pair that
never had anything to do.

  --episodes N          so many (${BACKLOG.episodes}), a multiple of 1,000
  --idle S              how long (60)
  --results DIRECTORY   where to keep the figures (bench/results, if there are as many and it is as long as above)`

const IDLE_SECONDS = "60"
const { values } = readOptions(HELP, {
  episodes: { type: "string", default: String(BACKLOG.episodes) },
  idle: { type: "string", default: IDLE_SECONDS },
  results: { type: "string" }
})
const episodes = count("episodes", values.episodes, 1000)
const idleSeconds = count("idle", values.idle)

const PASSES = 5
/** What starting costs, and the first passes, are over. */
const SETTLED_MILLIS = 15_000

/** Starts a command that ends. */
const startOne = ([program = "", ...args]: ReadonlyArray<string>) => {
  const before = cpuOfChildren()
  const began = performance.now()
  const child = spawn(program, args, { stdio: "ignore" })
  const pid = child.pid ?? 0
  const memory = watchPeak(pid, "one")
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve))
  const ended = closed.then((code) => {
    const seconds = (performance.now() - began) / 1000
    return { code, seconds, cpu: cpuOfChildren() - before, peak: memory.stop() }
  })
  return { pid, ended }
}

const receiverDown = async (dataRoot: string, place: string): Promise<Backlog["receiverDown"]> => {
  const passes = []
  for (let i = 0; i < PASSES; i++) {
    const { code, cpu, seconds } = await startOne(
      shipperArgv({ dataRoot, place, port: Number(new URL(NOWHERE).port) }, "once")
    ).ended
    if (code !== 1) throw new Error(`a pass with the receiver down ended ${code}`)
    passes.push({ seconds, cpu })
  }
  return passes
}

const shipAll = async (dataRoot: string, place: string, centre: string, { pid, port }: Served) => {
  const before = cpuSeconds(pid)
  const shipping = startOne(shipperArgv({ dataRoot, place, port }, "once"))
  const sampling = sampleCpu(() => cpuSeconds(shipping.pid) + cpuSeconds(pid))
  const { code, cpu, peak } = await shipping.ended
  const samples = sampling.stop()
  if (code !== 0) throw new Error(`shipping all of them ended ${code}`)
  return {
    thousands: thousandsOf(arrivals(indexPath(centre)), samples),
    shipper: { cpu, peak },
    receiver: { cpu: cpuSeconds(pid) - before, peak: peakOf(pid) }
  }
}

/** Starts the daemon of a host; `used` gives the processor seconds of it and its receiver so far. */
const startIdling = (dataRoot: string, place: string, shipped: number, { pid, port }: Served) => {
  const [program = "", ...args] = shipperArgv({ dataRoot, place, port }, "run")
  const child = spawn(program, args, { stdio: "ignore" })
  const ended = new Promise((resolve) => child.once("close", resolve))
  return {
    shipped,
    used: () => ({ shipper: fineCpuSeconds(child.pid ?? 0), receiver: fineCpuSeconds(pid) }),
    stop: async (): Promise<void> => {
      child.kill("SIGTERM")
      await ended
    }
  }
}

const idling = async (pairs: ReadonlyArray<ReturnType<typeof startIdling>>): Promise<Backlog["idle"]> => {
  await sleep(SETTLED_MILLIS)
  const began = pairs.map(({ used }) => used())
  await sleep(idleSeconds * 1000)
  const ended = pairs.map(({ used }) => used())
  for (const { stop } of pairs) await stop()
  return pairs.map(({ shipped }, i) => ({
    shipped,
    seconds: idleSeconds,
    shipper: (ended[i]?.shipper ?? Number.NaN) - (began[i]?.shipper ?? Number.NaN),
    receiver: (ended[i]?.receiver ?? Number.NaN) - (began[i]?.receiver ?? Number.NaN)
  }))
}

const main = async (): Promise<void> => {
  build()
  const root = makePlace("backlog")
  const [full, idle] = ["full", "idle"].map((name) => {
    const place = join(root, name)
    const paths = { place, dataRoot: join(place, "data"), centre: join(place, "centre") }
    mkdirSync(join(paths.dataRoot, "episodes"), { recursive: true })
    return paths
  })
  if (full === undefined || idle === undefined) throw new Error("there are two places")
  record(full.dataRoot, { ...BACKLOG, episodes })
  settle()
  const away = await receiverDown(full.dataRoot, full.place)
  const receiver = await startReceiver(full.centre)
  const shipping = await shipAll(full.dataRoot, full.place, full.centre, receiver)
  settle()
  const other = await startReceiver(idle.centre)
  const pairs = [
    startIdling(idle.dataRoot, idle.place, 0, other),
    startIdling(full.dataRoot, full.place, episodes, receiver)
  ]
  const idled = await idling(pairs)
  await receiver.stop()
  await other.stop()
  const results = {
    BACKLOG: { ...measuredNow(), episodes, bytes: BACKLOG.bytes, receiverDown: away, ...shipping, idle: idled }
  }
  say(report(results))
  const whole = episodes === BACKLOG.episodes && values.idle === IDLE_SECONDS
  keep(results, values.results, whole)
}

await main()
