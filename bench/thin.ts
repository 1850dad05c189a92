/** How much of a thin line is put to use: the built programs, and between them a proxy that drops every connection again and again. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { makeCentre } from "./fixtures.ts"
import { keep } from "./keep.ts"
import { measuredNow } from "./machine.ts"
import { chosen, readOptions, say } from "./options.ts"
import { inOwnNetwork } from "./ownNetwork.ts"
import { makePlace } from "./place.ts"
import { build, SHIPPER, startProgram } from "./programs.ts"
import type { Thin as Result } from "./results.ts"
import { writeHostSettings } from "./settings.ts"
import { startThinProxy, type Thin } from "./thin/proxy.ts"
import { MIB } from "./units.ts"
import { record, type Workload, workloads } from "./workload.ts"

const HELP = `
npm run thin -- [MEDIUM] [SINGLE] [--size MIB] [--mbit N] [--rtt MS] [--cut S] [--set KEY=VALUE]… [--results DIRECTORY]

Ships over a line that is thin and breaks; tells how long it took against what \`zstd -9\` would need, and how much went over the line
twice. MEDIUM is 60 episodes of 8 MiB, SINGLE one that nothing makes smaller; both where none is named.

  --size MIB            of SINGLE (500)
  --mbit N, --rtt MS    of the line (10, 100)
  --cut S               every connection is dropped after so long (20; 0: never)
  --set KEY=VALUE       a setting below [shipper]; may be given several times
  --results DIRECTORY   where to keep MEDIUM (bench/results, if the line is the one above)`

const DEFAULTS = { mbit: "10", rtt: "100", cut: "20" }
const { positionals, values } = readOptions(HELP, {
  size: { type: "string", default: "500" },
  mbit: { type: "string", default: DEFAULTS.mbit },
  rtt: { type: "string", default: DEFAULTS.rtt },
  cut: { type: "string", default: DEFAULTS.cut },
  set: { type: "string", multiple: true, default: [] },
  results: { type: "string" }
})
const thin: Thin = {
  bitsPerSecond: Number(values.mbit) * 1e6,
  roundTripMillis: Number(values.rtt),
  cutSeconds: Number(values.cut) || Infinity
}
const all = {
  MEDIUM: workloads.MEDIUM,
  // Hardly anything makes it smaller: what is recorded is what has to go.
  SINGLE: { episodes: 1, bytes: Number(values.size) * MIB, noise: 0.99 }
} as const satisfies Readonly<Record<string, Workload>>
const both = ["MEDIUM", "SINGLE"] as const
const names = chosen(positionals, both)

const bytesBelow = (path: string): number =>
  readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tar.zst"))
    .reduce((sum, name) => sum + statSync(join(path, name)).size, 0)

/** What the episodes would come to, each packed by `zstd -9`. */
const bytesAtNine = (dataRoot: string): number => {
  const script = 'cd "$1" && for id in *; do tar cf - "$id" | zstd -q -9 | wc -c; done'
  const { status, stdout } = spawnSync("sh", ["-c", script, "sh", join(dataRoot, "episodes")], { encoding: "utf8" })
  if (status !== 0) throw new Error("the episodes cannot be packed with zstd -9")
  return stdout
    .trim()
    .split("\n")
    .reduce((sum, bytes) => sum + Number(bytes), 0)
}

const PATIENCE_MILLIS = 60_000

const ship = async (home: string, workload: Workload) => {
  const dataRoot = join(home, "data")
  record(dataRoot, workload)
  const ideal = bytesAtNine(dataRoot) / (thin.bitsPerSecond / 8)
  const centre = makeCentre(join(home, "centre"))
  const receiver = await centre.start()
  const proxy = await startThinProxy(Number(new URL(receiver.url).port), thin)
  const config = writeHostSettings(home, { dataRoot, url: proxy.url }, ["[shipper]", ...values.set])
  const began = performance.now()
  const shipper = startProgram(home, SHIPPER, ["run", "--config", config])
  await shipper.until(() => centre.rows() >= workload.episodes, PATIENCE_MILLIS + 10_000 * ideal)
  const seconds = (performance.now() - began) / 1000
  const busy = proxy.busySeconds()
  const ended = await shipper.stop()
  await proxy.close()
  const { peak: receiverPeak } = await receiver.stop()
  const stored = bytesBelow(join(home, "centre/store"))
  return { ...proxy.carried, seconds, ideal, busy, stored, shipperPeak: ended.peak, receiverPeak }
}
type Figures = Awaited<ReturnType<typeof ship>>

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

const report = (name: string, figures: Figures): void => {
  const { bodies, busy, connections, cuts, down, ideal, receiverPeak, seconds, shipperPeak, stored, up } = figures
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["time", `${seconds.toFixed(1)} s`],
    ["what zstd -9 would need", `${ideal.toFixed(1)} s`],
    ["ratio", (seconds / ideal).toFixed(3)],
    ["stored tarballs", megabytes(stored)],
    ["of episodes over the line", megabytes(bodies)],
    ["twice", `${((100 * (bodies - stored)) / stored).toFixed(2)} %`],
    ["all up, all down", `${megabytes(up)}, ${megabytes(down)}`],
    ["line in use", `${((100 * busy) / seconds).toFixed(1)} %`],
    ["connections, dropped", `${connections}, ${cuts}`],
    ["shipper's, receiver's peak", `${(shipperPeak / MIB).toFixed(0)}, ${(receiverPeak / MIB).toFixed(0)} MiB`]
  ]
  say(`\n${name}: ${values.mbit} Mbit/s, ${values.rtt} ms, every connection dropped after ${values.cut} s`)
  for (const [what, figure] of rows) say(`  ${what.padEnd(28)} ${figure}`)
}

const result = ({ bodies, cuts, ideal, receiverPeak, seconds, shipperPeak, stored }: Figures): Result => ({
  ...measuredNow(),
  episodes: workloads.MEDIUM.episodes,
  bytes: workloads.MEDIUM.bytes,
  ...thin,
  seconds,
  ideal,
  stored,
  carried: bodies,
  cuts,
  shipperPeak,
  receiverPeak
})

const { cut, mbit, rtt } = values
const usual = values.set.length === 0 && mbit === DEFAULTS.mbit && rtt === DEFAULTS.rtt && cut === DEFAULTS.cut

const main = async (): Promise<void> => {
  build()
  const root = makePlace("thin")
  for (const name of names) {
    const home = join(root, name)
    mkdirSync(home)
    const figures = await ship(home, all[name])
    report(name, figures)
    if (name === "MEDIUM") keep({ THIN: result(figures) }, values.results, usual)
  }
}

const elsewhere = inOwnNetwork("small")
if (elsewhere !== undefined) process.exitCode = elsewhere
else await main()
