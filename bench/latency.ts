/** Whether a PUT gets slower with the index: a receiver with many rows beside one with none, in turn. */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { join } from "node:path"
import { zstdCompressSync } from "node:zlib"
import { makeCentre } from "./fixtures.ts"
import { keep } from "./keep.ts"
import { measuredNow } from "./machine.ts"
import { fineCpuSeconds, peakOf } from "./measure.ts"
import { count, readOptions, say } from "./options.ts"
import { END, header, padding } from "./pair/ustar.ts"
import { makePlace, settle } from "./place.ts"
import { build } from "./programs.ts"
import { percentile } from "./report/figures.ts"
import { report } from "./report/table.ts"
import type { Latency, Percentiles } from "./results.ts"
import { episodeId, record, workloads } from "./workload.ts"

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
/** Episodes that are recorded; more tarballs have the same files under other names. */
const RECORDED = 64

interface Tarball {
  readonly id: string
  readonly body: Buffer
  readonly digest: string
}

const pack = (id: string, directory: string): Tarball => {
  const parts = readdirSync(directory)
    .toSorted()
    .flatMap((name) => {
      const content = readFileSync(join(directory, name))
      return [header(`${id}/${name}`, content.length, 1_767_225_600), content, padding(content.length)]
    })
  const body = zstdCompressSync(Buffer.concat([...parts, END]))
  return { id, body, digest: createHash("sha256").update(body).digest("base64") }
}

/** Tarballs without end, each of another name. */
function* tarballs(place: string): Generator<Tarball, never> {
  record(place, { ...workloads.SMALL, episodes: RECORDED })
  for (let i = 0; ; i++) yield pack(episodeId(i), join(place, "episodes", episodeId(i % RECORDED)))
}

type Put = (tarball: Tarball) => Promise<number>
/** Two receivers, side by side. */
type Both<A> = Readonly<Record<"empty" | "full", A>>

/** PUTs over connections that stay; gives the seconds until the answer was whole. */
const putTo = (url: string): Put => {
  const agent = new Agent({ keepAlive: true })
  return ({ body, digest, id }) =>
    new Promise((resolve, reject) => {
      const headers = { "content-length": body.length, "repr-digest": `sha-256=:${digest}:` }
      const began = performance.now()
      const sent = request(`${url}/v1/episodes/lab-1/${id}`, { method: "PUT", agent, headers }, (response) => {
        response.resume().once("end", () => {
          if (response.statusCode === 201) resolve((performance.now() - began) / 1000)
          else reject(new Error(`a PUT was answered ${response.statusCode}`))
        })
      })
      sent.once("error", reject).end(body)
    })
}

const batch = async (put: Put, some: ReadonlyArray<Tarball>, concurrency: number): Promise<ReadonlyArray<number>> => {
  const waiting = some.values()
  const took: Array<number> = []
  const worker = async (): Promise<void> => {
    for (const tarball of waiting) took.push(await put(tarball))
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return took
}

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
