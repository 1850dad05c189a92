/** Whether the programs stay flat: memory against the size of an episode, the backlog and the index; start-up; idling. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { MIB, makeCentre, makeHost, NOWHERE } from "./fixtures.ts"
import { readOptions, say } from "./options.ts"
import { build, type Ended, median, runProgram, SHIPPER, wallMillis } from "./programs.ts"

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

interface Figure {
  readonly what: string
  readonly value: number
  readonly limit: number
  readonly unit: string
}

const figures: Array<Figure> = []
const rowText = (what: string, value: string, limit: string, verdict: string): string =>
  `${what.padEnd(62)} ${value.padStart(14)} ${limit.padStart(12)}  ${verdict}`

const shown = (value: number, unit: string): string => `${value.toFixed(unit === "×" ? 2 : 1)} ${unit}`

const tell = (what: string, value: number, limit: number, unit: string): void => {
  figures.push({ what, value, limit, unit })
  say(rowText(what, shown(value, unit), shown(limit, unit), value <= limit ? "ok" : "NOT OK"))
}
const tellGrowth = (what: string, from: number, to: number, limitMib: number): void =>
  tell(`${what} (${Math.round(from / MIB)} → ${Math.round(to / MIB)} MiB)`, (to - from) / MIB, limitMib, "MiB")

const root = mkdtempSync(join(tmpdir(), "cis490-flat-"))
const place = (name: string): string => {
  const path = join(root, name)
  mkdirSync(path, { recursive: true })
  return path
}
const clear = (name: string): void => rmSync(join(root, name), { recursive: true, force: true })

const endedWell = ({ code, stderr }: Ended): void => {
  if (code !== 0) throw new Error(`ended ${code}: ${stderr}`)
}

/** Ships one episode of this size; the peaks of both ends. */
const shipOne = async (mib: number) => {
  const centre = await makeCentre(place("size/centre")).start()
  const host = makeHost(place("size/host"), centre.url)
  host.record("E1", mib * MIB)
  const shipper = await runProgram(host.scratch, SHIPPER, host.args("once"))
  endedWell(shipper)
  const receiver = await centre.stop()
  clear("size")
  return { shipper: shipper.peak, receiver: receiver.peak }
}

const episodeSize = async (): Promise<void> => {
  const small = await shipOne(1)
  const large = await shipOne(LARGE_MIB)
  tellGrowth(`shipper, episode of 1 MiB and of ${LARGE_MIB} MiB`, small.shipper, large.shipper, 96)
  tellGrowth(`receiver, episode of 1 MiB and of ${LARGE_MIB} MiB`, small.receiver, large.receiver, 96)
}

/** Peaks with so many episodes waiting, of which `shipped` are shipped in the end. */
const withBacklog = async (waiting: number, shipped: number) => {
  const host = makeHost(place("backlog/host"), NOWHERE)
  host.pile(waiting)
  const once = await runProgram(host.scratch, SHIPPER, host.args("once"))
  const status = await runProgram(host.scratch, SHIPPER, host.args("status"))
  endedWell(status)

  const away = host.start("run")
  await away.until(() => /nothing is being shipped/.test(away.stderr()) && /check-in failed/.test(away.stderr()))
  const idle = await away.stop()

  const centre = makeCentre(place("backlog/centre"))
  const receiver = await centre.start()
  host.point(receiver.url)
  const daemon = host.start("run")
  await daemon.until(() => centre.rows() >= shipped)
  const busy = await daemon.stop()
  await receiver.stop()
  clear("backlog")
  return { once: once.peak, status: status.peak, idle: idle.peak, busy: busy.peak }
}

const backlog = async (): Promise<void> => {
  const few = await withBacklog(FEW, FEW)
  const some = await withBacklog(SHIPPED, SHIPPED)
  const many = await withBacklog(BACKLOG, SHIPPED)
  const between = `${FEW} and ${BACKLOG} waiting`
  tellGrowth(`once, receiver away, ${between}`, few.once, many.once, 32)
  tellGrowth(`status, ${between}`, few.status, many.status, 32)
  tellGrowth(`run, receiver away, ${between}`, few.idle, many.idle, 32)
  tellGrowth(`run, ${SHIPPED} shipped, ${SHIPPED} and ${BACKLOG} waiting`, some.busy, many.busy, 32)
}

const largeIndex = async (): Promise<void> => {
  const centre = makeCentre(place("index"))
  centre.addRows(0, ROWS)
  const start = async (how: string): Promise<void> => {
    const receiver = await centre.start()
    tell(`receiver, ${ROWS} rows, ${how}: up after`, receiver.upMillis / 1000, 5, "s")
    tell(`receiver, ${ROWS} rows, ${how}: resident`, receiver.resident() / MIB, 150, "MiB")
    await receiver.stop()
  }
  await start("lookup missing")
  await start("lookup current")
  centre.addRows(ROWS, ROWS + ROWS / 10)
  await start("lookup a tenth behind")
  clear("index")
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
  const receiver = await makeCentre(place("idle/centre")).start()
  const host = makeHost(place("idle/host"), receiver.url)
  const shipper = host.start("run")
  await shipper.until(() => /started/.test(shipper.stderr()))
  // What starting costs is over.
  await sleep(3000)
  const programs = { shipper, receiver }
  const before = { shipper: shipper.ticks(), receiver: receiver.ticks() }
  await sleep(IDLE_SECONDS * 1000)
  for (const name of ["shipper", "receiver"] as const) {
    const used = programs[name].ticks() - before[name]
    tell(`${name} idle for ${IDLE_SECONDS} s, processor (${used} ticks)`, used / IDLE_SECONDS, IDLE_PER_CENT, "%")
  }
  await shipper.stop()
  await receiver.stop()
  clear("idle")
}

const main = async (): Promise<void> => {
  build()
  say(rowText("", "figure", "limit", ""))
  startUp()
  await episodeSize()
  await largeIndex()
  await backlog()
  await idling()
  const over = figures.filter(({ limit, value }) => !(value <= limit))
  say(over.length === 0 ? "all flat" : `${over.length} NOT OK`)
  process.exitCode = over.length === 0 ? 0 : 1
}

process.once("SIGINT", () => process.exit(1))
process.once("exit", () => rmSync(root, { recursive: true, force: true }))
await main()
