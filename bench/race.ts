/** Contenders ship the same episodes, in turn: whole processes over real files and loopback, from `done.marker` to the row in the index. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Contender } from "./contenders/contender.ts"
import { everybody } from "./contenders/everybody.ts"
import { ours } from "./contenders/ours.ts"
import { keep } from "./keep.ts"
import { measuredNow } from "./machine.ts"
import { chosen, count, readOptions, say } from "./options.ts"
import { inOwnNetwork } from "./ownNetwork.ts"
import { makePlace } from "./place.ts"
import { build } from "./programs.ts"
import { median } from "./report/figures.ts"
import { report } from "./report/table.ts"
import { speedTarget } from "./report/targets.ts"
import { type Entrant, type LeftOut, RACES, type Race, type RaceName, type Run } from "./results.ts"
import { ship } from "./run.ts"
import { MIB } from "./units.ts"
import { record, workloads } from "./workload.ts"

const HELP = `
npm run bench -- [SMALL] [MEDIUM] [LARGE] [--rounds N] [--close N] [--only PART-OF-A-NAME]… [--results DIRECTORY]

Ships the same episodes with ours and with what one would use instead, in turn, each round beginning with another one, after warming up
with a tenth of them. Those against whom ours is within 0.7 to 1.4 of its target go further rounds with it, as three do not tell.

  --rounds N            of everybody (3)
  --close N             more of the close ones (4)
  --only PART           only ours and contenders whose name has this in it; may be given several times
  --results DIRECTORY   where to keep the figures (bench/results, if nothing was left out by --only or --rounds)`

const { positionals, values } = readOptions(HELP, {
  rounds: { type: "string", default: "3" },
  close: { type: "string", default: "4" },
  only: { type: "string", multiple: true },
  results: { type: "string" }
})
const rounds = count("rounds", values.rounds)
const closeRounds = count("close", values.close, 0)
const names = chosen(positionals, RACES)

/** Between these, a few rounds do not tell whether a target is reached. */
const CLOSE = { from: 0.7, to: 1.4 }

const rotated = <A>(all: ReadonlyArray<A>, by: number): ReadonlyArray<A> =>
  all.map((_, i) => all[(i + by) % all.length] as A)

const wanted = everybody.filter(
  (each) => each === ours || values.only === undefined || values.only.some((part) => each.name.includes(part))
)

type Ship = (contender: Contender, episodes: number) => Promise<Run>

/** Whoever can run here, warmed up, and who cannot. */
const warmUp = async (ship: Ship, episodes: number) => {
  const able: Array<Contender> = []
  const leftOut: Array<LeftOut> = []
  const leave = (what: string, why: string): void => {
    leftOut.push({ what, why })
    say(`left out: ${what}, which ${why}`)
  }
  for (const each of wanted) {
    const missing = each.missing()
    if (missing !== undefined) {
      leave(each.name, missing)
      continue
    }
    try {
      await ship(each, Math.ceil(episodes / 10))
      able.push(each)
    } catch (error) {
      if (each === ours) throw error
      // Only the first line is kept: the rest names places of this machine.
      say(String(error))
      leave(each.name, `failed: ${String(error).split("\n")[0]}`)
    }
  }
  return { able, leftOut }
}

/** Every one that ours is about as far ahead of as it should be, and ours. */
const closeTo = (name: RaceName, able: ReadonlyArray<Contender>, pace: (contender: Contender) => number) =>
  able.filter((each) => {
    const part = pace(each) / pace(ours) / (speedTarget(name, each.name) ?? Number.NaN)
    return each === ours || (part >= CLOSE.from && part <= CLOSE.to)
  })

const race = async (name: RaceName): Promise<Race> => {
  const { bytes, episodes } = workloads[name]
  const began = performance.now()
  const root = makePlace(`race-${name}`)
  const recorded = join(root, "recorded")
  record(recorded, workloads[name])
  let started = 0
  const shipped: Ship = (contender, some) =>
    ship(contender, recorded, { ...workloads[name], episodes: some }, join(root, `run-${started++}`))

  const { able, leftOut } = await warmUp(shipped, episodes)
  const runs = new Map(able.map((each): [Contender, Array<Run>] => [each, []]))
  const pace = (each: Contender): number => median((runs.get(each) ?? []).map(({ seconds }) => seconds))
  const round = async (contenders: ReadonlyArray<Contender>): Promise<void> => {
    for (const contender of contenders) {
      const figures = await shipped(contender, episodes)
      runs.get(contender)?.push(figures)
      say(`${name} ${contender.name}: ${figures.seconds.toFixed(2)} s`)
    }
  }
  for (let i = 0; i < rounds; i++) await round(rotated(able, i))
  const close = closeTo(name, able, pace)
  for (let i = 0; i < closeRounds && close.length > 1; i++) await round(rotated(close, i))

  if (bytes >= MIB) rmSync(recorded, { recursive: true, force: true })
  say(`${name} took ${((performance.now() - began) / 60_000).toFixed(1)} min`)
  const entrants = [...runs].map(([{ name }, runs]): Entrant => ({ contender: name, runs }))
  return { ...measuredNow(), episodes, bytes, entrants, leftOut }
}

const main = async (): Promise<void> => {
  build()
  const whole = values.only === undefined && rounds >= 3
  for (const name of names) {
    const results = { [name]: await race(name) }
    say(`\n${report(results)}`)
    keep(results, values.results, whole)
  }
}

const ended = inOwnNetwork("plain")
if (ended !== undefined) process.exitCode = ended
else await main()
