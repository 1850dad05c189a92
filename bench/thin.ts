/**
 * How much of a thin line is put to use: `npm run thin -- [MEDIUM] [SINGLE] [--size MIB] [--mbit N] [--rtt MS] [--cut S] [--set KEY=VALUE]…`.
 * The built programs, a proxy on loopback between them that drops every connection again and again. Tells how long it took against what
 * `zstd -9` would need, and how much of the episodes went over the line twice.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { MIB, makeCentre } from "./fixtures.ts"
import { inOwnNetwork } from "./link/ownNetwork.ts"
import { startThinProxy, type Thin } from "./link/thinProxy.ts"
import { build, SHIPPER, startProgram } from "./programs.ts"
import { record, type Workload, workloads } from "./workload.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "500" },
    mbit: { type: "string", default: "10" },
    rtt: { type: "string", default: "100" },
    cut: { type: "string", default: "20" },
    set: { type: "string", multiple: true, default: [] }
  }
})
const thin: Thin = {
  bitsPerSecond: Number(values.mbit) * 1e6,
  roundTripMillis: Number(values.rtt),
  cutSeconds: Number(values.cut) || Infinity
}
const all: Readonly<Record<string, Workload>> = {
  MEDIUM: workloads.MEDIUM,
  // Nothing makes it smaller: what is recorded is what has to go.
  SINGLE: { episodes: 1, bytes: Number(values.size) * MIB, noise: 0.99 }
}
const names = positionals.length > 0 ? positionals : Object.keys(all)
const root = mkdtempSync(join(tmpdir(), "cis490-thin-"))
const say = (text: string): void => void process.stdout.write(`${text}\n`)

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

const configure = (home: string, dataRoot: string, url: string): string => {
  const config = join(home, "lab-host.toml")
  const settings = values.set.map((setting) => `${setting}\n`).join("")
  const text = `host_id = "lab-1"\n[paths]\ndata_root = "${dataRoot}"\n[receiver]\nurl = "${url}"\n[shipper]\n${settings}`
  writeFileSync(config, text)
  return config
}

const PATIENCE_MILLIS = 60_000

const ship = async (home: string, workload: Workload) => {
  const dataRoot = join(home, "data")
  record(dataRoot, workload)
  const ideal = bytesAtNine(dataRoot) / (thin.bitsPerSecond / 8)
  const centre = makeCentre(join(home, "centre"))
  const receiver = await centre.start()
  const proxy = await startThinProxy(Number(new URL(receiver.url).port), thin)
  const began = performance.now()
  const shipper = startProgram(home, SHIPPER, ["run", "--config", configure(home, dataRoot, proxy.url)])
  await shipper.until(() => centre.rows() >= workload.episodes, PATIENCE_MILLIS + 10_000 * ideal)
  const seconds = (performance.now() - began) / 1000
  const busy = proxy.busySeconds()
  const ended = await shipper.stop()
  await proxy.close()
  await receiver.stop()
  return { ...proxy.carried, seconds, ideal, busy, stored: bytesBelow(join(home, "centre/store")), peak: ended.peak }
}
type Figures = Awaited<ReturnType<typeof ship>>

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

const report = (name: string, figures: Figures): void => {
  const { bodies, busy, connections, cuts, down, ideal, peak, seconds, stored, up } = figures
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
    ["shipper's memory", `${(peak / MIB).toFixed(0)} MiB`]
  ]
  say(`\n${name}: ${values.mbit} Mbit/s, ${values.rtt} ms, every connection dropped after ${values.cut} s`)
  for (const [what, figure] of rows) say(`  ${what.padEnd(28)} ${figure}`)
}

const main = async (): Promise<void> => {
  build()
  for (const name of names) {
    const workload = all[name]
    if (workload === undefined) throw new Error(`${name} is none of ${Object.keys(all).join(", ")}`)
    report(name, await ship(mkdtempSync(join(root, "run-")), workload))
  }
}

const elsewhere = inOwnNetwork("small")
if (elsewhere !== undefined) process.exitCode = elsewhere
else await main()
rmSync(root, { recursive: true, force: true })
