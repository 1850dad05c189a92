/**
 * `npm run sim -- …`:
 *   --seeds N [--from S]   so many seeds, and what they covered
 *   --points               every crash point of every journey
 *   --seed S               one seed, with its history if it fails, made smaller
 *   --plan FILE            one plan
 *   --point "JOURNEY CALL FATE"
 *   --history              the history also when nothing fails
 *   --mistake NAME         with one mistake planted: how many runs until somebody notices
 *   --mistakes             with each of them, one after the other
 */
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import type { FateName } from "./crashPoints.ts"
import { work } from "./crew.ts"
import type { JourneyName } from "./journeys.ts"
import { mistakes } from "./mistakes/mistakes.ts"
import type { Plan } from "./plan/plan.ts"
import { regressions } from "./regressions.ts"
import { makeCoverage } from "./report/coverage.ts"
import type { Job, Result } from "./worker.ts"

const USAGE =
  "usage: npm run sim -- [--seeds N [--from S] | --points | --seed S | --plan FILE | --point POINT | --mistakes | --mistake NAME] [--history] [--coverage]"

const refuse = (why: string): never => {
  process.stderr.write(`${why}\n${USAGE}\n`)
  return process.exit(2)
}

const readArguments = () => {
  try {
    return parseArgs({
      options: {
        seeds: { type: "string" },
        from: { type: "string", default: "1" },
        seed: { type: "string" },
        plan: { type: "string" },
        point: { type: "string" },
        points: { type: "boolean", default: false },
        history: { type: "boolean", default: false },
        coverage: { type: "boolean", default: false },
        mistake: { type: "string" },
        mistakes: { type: "boolean", default: false }
      }
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const values = readArguments()

/** The history of every so many-th seed is compared with that of a second run. */
const TWICE_EVERY = 40
/** A mistake must be noticed within so many seeds. */
const NOTICED_WITHIN = 2000

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
}

const nameOf = (job: Job): string => {
  if (job.kind === "seed") return `--seed ${job.seed}`
  return job.kind === "point"
    ? `--point "${job.point.journey} ${job.point.call} ${job.point.fate}"`
    : `--plan (a regression, seed ${job.plan.seed})`
}

function* seedJobs(from: number, count: number): Generator<Job> {
  for (let seed = from; seed < from + count; seed++) yield { kind: "seed", seed, twice: seed % TWICE_EVERY === 0 }
}

const regressionJobs = (): ReadonlyArray<Job> => regressions().map((plan): Job => ({ kind: "plan", plan }))

const pointJobs = async (only?: ReadonlyArray<JourneyName>): Promise<ReadonlyArray<Job>> => {
  const { crashPointsOf } = await import("./crashPoints.ts")
  const { journeys } = await import("./journeys.ts")
  const names = only ?? (Object.keys(journeys) as ReadonlyArray<JourneyName>)
  return crashPointsOf(names).map((point): Job => ({ kind: "point", point }))
}

/** Gives whether all of them kept every promise. */
const runAll = async (what: string, jobs: ReadonlyArray<Job>, mustCover: boolean): Promise<boolean> => {
  const coverage = makeCoverage()
  const failed: Array<Result> = []
  let done = 0
  let calls = 0
  const began = performance.now()
  await work(jobs, {
    each: (result) => {
      coverage.add(result.counts)
      calls += result.calls
      if (result.broken !== undefined) failed.push(result)
      progress(`${++done} of ${jobs.length} ${what}, ${failed.length} failed`)
      return true
    }
  })
  progress("")
  const seconds = (performance.now() - began) / 1000
  if (values.coverage || mustCover) say(coverage.table())
  for (const { broken, job } of failed.slice(0, 20)) say(`FAILED ${nameOf(job)}\n  ${broken?.message}`)
  const missing = mustCover ? coverage.missing() : []
  if (missing.length > 0) say(`never happened: ${missing.join("; ")}`)
  say(`${jobs.length} ${what}, ${calls} calls, ${failed.length} failed, ${seconds.toFixed(1)} s`)
  const [first] = failed
  if (first !== undefined) await explain(first.job)
  return failed.length === 0 && missing.length === 0
}

const planOf = async (job: Job): Promise<Plan | undefined> => {
  const { generate } = await import("./plan/generate.ts")
  if (job.kind === "seed") return generate(job.seed)
  return job.kind === "plan" ? job.plan : undefined
}

/** What happened, made as small as it can be; gives whether all was well. */
const explain = async (job: Job): Promise<boolean> => {
  Error.stackTraceLimit = 0
  const { run } = await import("./run.ts")
  const { runCrashPoint } = await import("./crashPoints.ts")
  const { shrink } = await import("./report/shrink.ts")
  const plan = await planOf(job)
  const outcome = job.kind === "point" ? runCrashPoint(job.point) : run(plan as Plan)
  const { broken } = outcome
  if (broken === undefined) {
    if (values.history) say(outcome.history.join("\n"))
    say("every promise was kept")
    return true
  }
  const smallest =
    plan === undefined ? undefined : shrink(plan, (candidate) => run(candidate).broken?.promise === broken.promise)
  const told = smallest === undefined ? outcome : run(smallest)
  say(told.history.join("\n"))
  say(`${told.broken?.message}`)
  if (smallest !== undefined) {
    const file = `/tmp/cis490-sim-${smallest.seed}.json`
    writeFileSync(file, `${JSON.stringify(smallest, undefined, 2)}\n`)
    say(
      `${smallest.hosts.length} hosts, ${smallest.hosts.flatMap(({ episodes }) => episodes).length} episodes, ${smallest.events.length} events: ${JSON.stringify(smallest.events)}`
    )
    say(`again: npm run sim -- --plan ${file}`)
  }
  say(`again: npm run sim -- ${nameOf(job)}`)
  return false
}

/** Seeds that are tried before the crash points of the shortest journey are. */
const SEEDS_FIRST = 400

/** Whether it was noticed; says by what, and after how many runs. */
const notice = async (mistake: string, points: ReadonlyArray<Job>): Promise<boolean> => {
  const runs = { seed: 0, point: 0, plan: 0 }
  let noticed: Result | undefined
  const began = performance.now()
  const each = (result: Result): boolean => {
    if (noticed !== undefined) return false
    runs[result.job.kind]++
    if (result.broken !== undefined) noticed = result
    return noticed === undefined
  }
  for (const jobs of [
    [...seedJobs(1, SEEDS_FIRST)],
    regressionJobs(),
    points,
    [...seedJobs(SEEDS_FIRST + 1, NOTICED_WITHIN - SEEDS_FIRST)]
  ]) {
    if (noticed === undefined) await work(jobs, { mistake, each })
  }
  const cost = `${runs.seed} seeds${runs.point > 0 ? ` and ${runs.point} crash points` : ""}, ${((performance.now() - began) / 1000).toFixed(1)} s`
  say(
    noticed === undefined
      ? `NOT NOTICED after ${cost}: ${mistake}`
      : `noticed after ${cost}: ${mistake}\n    ${noticed.broken?.message.slice(0, 200)} [${nameOf(noticed.job)}]`
  )
  return noticed !== undefined
}

const main = async (): Promise<boolean> => {
  if (values.mistakes || values.mistake !== undefined) {
    const planted = mistakes.filter(({ name }) => values.mistakes || name === values.mistake)
    if (planted.length === 0) return refuse(`no mistake is called "${values.mistake}"; see test/sim/mistakes`)
    const points = await pointJobs(["shipped", "resumed"])
    let all = true
    for (const { name } of planted) all = (await notice(name, points)) && all
    return all
  }
  if (values.seed !== undefined) return explain({ kind: "seed", seed: Number(values.seed), twice: false })
  if (values.plan !== undefined)
    return explain({ kind: "plan", plan: JSON.parse(readFileSync(values.plan, "utf8")) as Plan })
  if (values.point !== undefined) {
    const [journey = "", call = "", ...fate] = values.point.split(" ")
    return explain({
      kind: "point",
      point: { journey: journey as JourneyName, call: Number(call), fate: fate.join(" ") as FateName }
    })
  }
  if (values.points) return runAll("crash points", await pointJobs(), false)
  const seeds = Number(values.seeds ?? 200)
  return runAll("seeds", [...regressionJobs(), ...seedJobs(Number(values.from), seeds)], seeds >= NOTICED_WITHIN)
}

process.exitCode = (await main()) ? 0 : 1
