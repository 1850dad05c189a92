/** One process that runs what it is given, one after the other; with a mistake planted, if it is told so. */
import type { CrashPoint } from "./crashPoints.ts"
import { mistakes } from "./mistakes/mistakes.ts"
import { plant } from "./mistakes/plant.ts"
import type { Plan } from "./plan/plan.ts"

export type Job =
  | { readonly kind: "seed"; readonly seed: number; readonly twice: boolean }
  | { readonly kind: "plan"; readonly plan: Plan }
  | { readonly kind: "point"; readonly point: CrashPoint }

export interface Result {
  readonly job: Job
  /** Why it failed: which promise, and in words. */
  readonly broken: { readonly promise: string; readonly message: string } | undefined
  readonly counts: ReadonlyArray<readonly [string, number]>
  readonly calls: number
}

// What goes wrong as planned needs no stack; a mistake of the simulation is run again by hand.
Error.stackTraceLimit = 0
const [, , name = ""] = process.argv
if (name !== "") {
  const mistake = mistakes.find((each) => each.name === name)
  if (mistake === undefined) throw new Error(`no mistake is called "${name}"`)
  plant(mistake)
}

const { run } = await import("./run.ts")
const { generate } = await import("./plan/generate.ts")
const { runCrashPoint } = await import("./crashPoints.ts")

const outcomeOf = (job: Job) => {
  switch (job.kind) {
    case "seed":
      return run(generate(job.seed))
    case "plan":
      return run(job.plan)
    case "point":
      return runCrashPoint(job.point)
  }
}

const resultOf = (job: Job): Result => {
  try {
    const { broken, calls, counts, history } = outcomeOf(job)
    const again = job.kind === "seed" && job.twice ? outcomeOf(job).history : history
    const differs = again.length !== history.length || again.some((line, i) => line !== history[i])
    const violation =
      broken ??
      (differs
        ? { promise: "the same seed is the same run", message: "the history of a second run differs" }
        : undefined)
    return {
      job,
      broken: violation && { promise: violation.promise, message: violation.message },
      counts: [...counts],
      calls
    }
  } catch (error) {
    return { job, broken: { promise: "the simulation holds", message: String(error) }, counts: [], calls: 0 }
  }
}

process.on("message", (jobs: ReadonlyArray<Job>) => process.send?.(jobs.map(resultOf)))
process.send?.([])
