/**
 * Kills the built programs at random moments, on real directories, while disks fill up, directories close and connections are cut,
 * and checks after each kill that nothing is lost. Ends with 1 when something is, and keeps the directory.
 */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { RECEIVER } from "../support/shipperBox.ts"
import { needTools } from "../support/tools.ts"
import { type Report, runRound } from "./round.ts"

/** A lab that has been killed so often is full enough to be looked at whole, and a new one is opened. */
const KILLS_PER_ROUND = 200
const CLEAR_LINE = "\r\u001b[2K"

const USAGE = "usage: npm run kill -- [--kills N] [--seed S] [--json]"

const refuse = (why: string): never => {
  process.stderr.write(`${why}\n`)
  return process.exit(2)
}

const number = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  return Number.isInteger(value) && value >= 0 ? value : refuse(USAGE)
}

const readArguments = () => {
  try {
    const { values } = parseArgs({
      options: { kills: { type: "string" }, seed: { type: "string" }, json: { type: "boolean", default: false } }
    })
    return { kills: number(values.kills, 200), seed: number(values.seed, Date.now() % 1_000_000), json: values.json }
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  }
}

type Tally = Readonly<Record<string, number>>
const add = (a: Tally, b: Tally): Tally =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)])
  )

const addPhases = (a: Report["phases"], b: Report["phases"]): Report["phases"] =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((name) => [name, add(a[name] ?? {}, b[name] ?? {})])
  )

const NOTHING: Report = { kills: 0, phases: {}, faults: {}, wire: {}, episodes: {}, ends: {}, looks: 0, violations: [] }

const addReport = (a: Report, b: Report): Report => ({
  kills: a.kills + b.kills,
  phases: addPhases(a.phases, b.phases),
  faults: add(a.faults, b.faults),
  wire: add(a.wire, b.wire),
  episodes: add(a.episodes, b.episodes),
  ends: add(a.ends, b.ends),
  looks: a.looks + b.looks,
  violations: [...a.violations, ...b.violations]
})

const tallyText = (tally: Tally): string =>
  Object.entries(tally)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => `  ${String(times).padStart(6)}  ${name}\n`)
    .join("")

const { json, kills, seed } = readArguments()
try {
  needTools("zstd", "tar", "sha256sum", "git", "unshare", "mount", "setpriv")
} catch (error) {
  refuse(error instanceof Error ? error.message : String(error))
}
if (!fs.existsSync(RECEIVER)) refuse(`${RECEIVER} is not there: npm run build`)
const began = performance.now()
const root = fs.mkdtempSync(join(tmpdir(), "cis490-kill-"))
process.stderr.write(`seed ${seed}, in ${root}\n`)

let sum = NOTHING
for (let round = 0; sum.kills < kills && sum.violations.length === 0; round++) {
  const directory = join(root, `round-${round + 1}`)
  fs.mkdirSync(directory)
  const before = sum.kills
  const say = (line: string) => {
    if (process.stderr.isTTY) process.stderr.write(`${CLEAR_LINE}round ${round + 1}: ${line}; ${before} before`)
  }
  const wanted = Math.min(KILLS_PER_ROUND, kills - sum.kills)
  const report = await runRound(directory, { seed: seed + round, wanted, say })
  if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE)
  sum = addReport(sum, report)
  if (report.violations.length === 0) fs.rmSync(directory, { recursive: true, force: true })
}

const seconds = Math.round((performance.now() - began) / 1000)
const kept = sum.violations.length === 0 ? null : root
if (kept === null) fs.rmSync(root, { recursive: true, force: true })
if (json) process.stdout.write(`${JSON.stringify({ seed, seconds, ...sum, kept })}\n`)
else {
  for (const [name, tally] of Object.entries(sum.phases))
    process.stdout.write(`${name} was killed\n${tallyText(tally)}`)
  process.stdout.write(`faults\n${tallyText(sum.faults)}on the wire\n${tallyText(sum.wire)}`)
  process.stdout.write(`episodes\n${tallyText(sum.episodes)}other ends\n${tallyText(sum.ends)}`)
  for (const violation of sum.violations) process.stdout.write(`BROKEN: ${violation}\n`)
  process.stdout.write(
    `${sum.kills} kills, ${sum.looks} looks, ${sum.violations.length} broken promises in ${seconds} s (seed ${seed})\n`
  )
  if (kept !== null) process.stdout.write(`everything is kept in ${kept}\n`)
}
process.exitCode = kept === null ? 0 : 1
