/** Whether the programs stay flat: memory against the size of an episode, the backlog and the index; start-up; idling. */
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeCentre, makeHost } from "./fixtures.ts"
import { shipOne, withBacklog } from "./flat/peaks.ts"
import { tell, tellGrowth, tellHead, tellVerdict } from "./flat/tell.ts"
import { cpuTicks, residentOf } from "./measure.ts"
import { readOptions } from "./options.ts"
import { makePlace } from "./place.ts"
import { build, endedWell, SHIPPER, wallMillis } from "./programs.ts"
import { median } from "./report/figures.ts"
import { MIB } from "./units.ts"

const HELP = `
npm run flat -- [--quick]

Memory against the size of an episode, the backlog and the index; start-up; idling. Prints one table; ends with 1 when a figure is over
its limit.

  --quick   smaller amounts, for a fast look`

const quick = readOptions(HELP, { quick: { type: "boolean", default: false } }).values.quick
const LARGE_MIB = quick ? 64 : 1024
const BACKLOG = quick ? 10_000 : 100_000
const SHIPPED = quick ? 500 : 2_000
const ROWS = quick ? 100_000 : 1_000_000
const IDLE_SECONDS = quick ? 10 : 60
const FEW = 10
const RUNS = 9

const root = makePlace("flat")

const episodeSize = async (): Promise<void> => {
  const place = join(root, "size")
  const small = await shipOne(place, 1)
  const large = await shipOne(place, LARGE_MIB)
  tellGrowth(`shipper, episode of 1 MiB and of ${LARGE_MIB} MiB`, small.shipper, large.shipper, 96)
  tellGrowth(`receiver, episode of 1 MiB and of ${LARGE_MIB} MiB`, small.receiver, large.receiver, 96)
}

const backlog = async (): Promise<void> => {
  const place = join(root, "backlog")
  const few = await withBacklog(place, FEW, FEW)
  const some = await withBacklog(place, SHIPPED, SHIPPED)
  const many = await withBacklog(place, BACKLOG, SHIPPED)
  const between = `${FEW} and ${BACKLOG} waiting`
  tellGrowth(`once, receiver away, ${between}`, few.once, many.once, 32)
  tellGrowth(`status, ${between}`, few.status, many.status, 32)
  tellGrowth(`run, receiver away, ${between}`, few.idle, many.idle, 32)
  tellGrowth(`run, ${SHIPPED} shipped, ${SHIPPED} and ${BACKLOG} waiting`, some.busy, many.busy, 32)
}

const largeIndex = async (): Promise<void> => {
  const place = join(root, "index")
  const centre = makeCentre(place)
  centre.addRows(0, ROWS)
  const start = async (how: string): Promise<void> => {
    const receiver = await centre.start()
    tell(`receiver, ${ROWS} rows, ${how}: up after`, receiver.upMillis / 1000, 5, "s")
    tell(`receiver, ${ROWS} rows, ${how}: resident`, residentOf(receiver.pid) / MIB, 150, "MiB")
    endedWell(await receiver.stop())
  }
  await start("lookup missing")
  await start("lookup current")
  centre.addRows(ROWS, ROWS + ROWS / 10)
  await start("lookup a tenth behind")
  rmSync(place, { recursive: true, force: true })
}

const startUp = (): void => {
  const empty = join(root, "empty.mjs")
  writeFileSync(empty, "")
  const runs = Array.from({ length: RUNS }, () => ({
    node: wallMillis([empty]),
    ours: wallMillis([SHIPPER, "--version"])
  }))
  const [node, ours] = [median(runs.map((run) => run.node)), median(runs.map((run) => run.ours))]
  tell(
    `cis490-shipper --version against empty node (${Math.round(ours)} / ${Math.round(node)} ms)`,
    ours / node,
    4,
    "×"
  )
}

/** One per cent of a processor. */
const IDLE_PER_CENT = 1

const idling = async (): Promise<void> => {
  const receiver = await makeCentre(join(root, "idle/centre")).start()
  const host = makeHost(join(root, "idle/host"), receiver.url)
  const shipper = host.start("run")
  await shipper.until(() => /started/.test(shipper.stderr()))
  // What starting costs is over.
  await sleep(3000)
  const programs = { shipper, receiver }
  const before = { shipper: cpuTicks(shipper.pid), receiver: cpuTicks(receiver.pid) }
  await sleep(IDLE_SECONDS * 1000)
  for (const name of ["shipper", "receiver"] as const) {
    const used = cpuTicks(programs[name].pid) - before[name]
    tell(`${name} idle for ${IDLE_SECONDS} s, processor (${used} ticks)`, used / IDLE_SECONDS, IDLE_PER_CENT, "%")
  }
  // One that was gone would have used nothing.
  for (const { stop } of [shipper, receiver]) endedWell(await stop())
}

const main = async (): Promise<void> => {
  build()
  tellHead()
  startUp()
  await episodeSize()
  await largeIndex()
  await backlog()
  await idling()
  process.exitCode = tellVerdict() ? 0 : 1
}

await main()
