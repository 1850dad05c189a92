/** Whether a PUT gets slower with the index: a receiver with many rows beside one with none, in turn. */
import { join } from "node:path"
import { makeCentre } from "./fixtures.ts"
import { keep } from "./keep.ts"
import { batch, type Put, putTo } from "./latency/puts.ts"
import { type Tarball, tarballs } from "./latency/tarballs.ts"
import { measuredNow } from "./machine.ts"
import { fineCpuSeconds, peakOf } from "./measure.ts"
import { count, readOptions, say } from "./options.ts"
import { makePlace, settle } from "./place.ts"
import { build } from "./programs.ts"
import { percentile } from "./report/figures.ts"
import { report } from "./report/table.ts"
import type { Latency, Percentiles } from "./results.ts"

const ROWS = "1000000"
const ROUNDS = "60"
const HELP = `
npm run latency -- [--rows N] [--rounds N] [--results DIRECTORY]

PUTs tarballs of SMALL to a receiver with so many rows in its index and to one that began with none, 1 and 4 at a time, a batch here and a
batch there in turn: the median, the 99th percentile, and what both receivers have resident.

  --rows N              (${ROWS})
  --rounds N            batches of 50 for each, at each concurrency (${ROUNDS})
  --results DIRECTORY   where to keep the figures (bench/results, if there are as many rows and rounds as above)`

const { values } = readOptions(HELP, {
  rows: { type: "string", default: ROWS },
  rounds: { type: "string", default: ROUNDS },
  results: { type: "string" }
})
const rows = count("rows", values.rows)
const rounds = count("rounds", values.rounds)
const CONCURRENCIES = [1, 4]
/** So few that what else the machine does meanwhile meets both. */
const BATCH = 50

/** Two receivers, side by side. */
type Both<A> = Readonly<Record<"empty" | "full", A>>

const percentiles = (seconds: ReadonlyArray<number>): Percentiles => ({
  p50: percentile(seconds, 0.5),
  p99: percentile(seconds, 0.99)
})

const compare = async (put: Both<Put>, pid: Both<number>, next: () => Tarball, concurrency: number) => {
  const took: Both<Array<number>> = { empty: [], full: [] }
  const used = { empty: 0, full: 0 }
  const perRound: Array<Latency["cases"][number]["rounds"][number]> = []
  for (let round = 0; round < rounds; round++) {
    const some = Array.from({ length: BATCH }, next)
    const now = { empty: percentiles([]), full: percentiles([]) }
    for (const which of round % 2 === 0 ? (["empty", "full"] as const) : (["full", "empty"] as const)) {
      const before = fineCpuSeconds(pid[which])
      const seconds = await batch(put[which], some, concurrency)
      used[which] += fineCpuSeconds(pid[which]) - before
      took[which].push(...seconds)
      now[which] = percentiles(seconds)
    }
    perRound.push(now)
  }
  const figures = { empty: percentiles(took.empty), full: percentiles(took.full) }
  return {
    concurrency,
    puts: took.empty.length,
    ...figures,
    emptyCpu: used.empty,
    fullCpu: used.full,
    rounds: perRound
  }
}

const main = async (): Promise<void> => {
  build()
  const root = makePlace("latency")
  const centres = { empty: makeCentre(join(root, "empty")), full: makeCentre(join(root, "full")) }
  centres.full.addRows(0, rows)
  const [empty, full] = [await centres.empty.start(), await centres.full.start()]
  settle()
  const put = { empty: putTo(empty.url), full: putTo(full.url) }
  const pid = { empty: empty.pid, full: full.pid }
  const source = tarballs(join(root, "recorded"))
  const next = (): Tarball => source.next().value
  // Both are warm, and the directory of the host is there.
  const warming = Array.from({ length: 4 * BATCH }, next)
  for (const which of ["empty", "full"] as const) await batch(put[which], warming, 4)
  const cases = []
  for (const concurrency of CONCURRENCIES) cases.push(await compare(put, pid, next, concurrency))
  const peaks = { emptyPeak: peakOf(empty.pid), fullPeak: peakOf(full.pid) }
  await Promise.all([empty.stop(), full.stop()])
  const results = {
    LATENCY: { ...measuredNow(), rows, bytes: warming[0]?.body.length ?? 0, cases, ...peaks }
  }
  say(report(results))
  keep(results, values.results, values.rows === ROWS && values.rounds === ROUNDS)
}

await main()
