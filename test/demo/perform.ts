/** Gives a story its lab and takes it away again, however the story ends. */
import { parseArgs } from "node:util"
import { type Show, Untrue } from "./show.ts"

const DEADLINE_SECONDS = 60

/** What every story plays in. */
export interface Stage {
  readonly root: string
  readonly show: Show
  /** What the daemons said last. */
  readonly lastWords: () => ReadonlyArray<string>
  readonly waitingFor: () => string | undefined
  readonly close: (keep: boolean) => Promise<void>
}

export interface Play<S extends Stage> {
  /** As it is called: `demo`. */
  readonly name: string
  readonly open: (signal: AbortSignal) => S
  readonly deadlineSeconds?: number
}

const usage = (name: string): string =>
  `usage: npm run ${name} [-- --keep]\n  --keep  leave the temporary directory, and say where it is`

/** Why a story is broken off. */
class BrokenOff extends Error {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
  get byOperator(): boolean {
    return this.status > 128
  }
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

const watch = (control: AbortController, seconds: number) => {
  const breakOff = (message: string, status: number) => control.abort(new BrokenOff(message, status))
  for (const [name, status] of Object.entries(SIGNALS)) process.on(name, () => breakOff(`stopped by ${name}`, status))
  process.stdout.on("error", () => breakOff("nobody reads on", 1))
  const late = () => breakOff(`not done after ${seconds} s`, 1)
  setTimeout(late, seconds * 1000).unref()
}

const explain = (error: unknown, lab: Stage): string => {
  if (error instanceof BrokenOff && error.byOperator) return error.message
  if (error instanceof Untrue) return [`✗ ${error.message}`, ...lab.lastWords()].join("\n\n")
  const words = error instanceof Error ? error.message : String(error)
  const waited = lab.waitingFor()
  return [`✗ ${words}${waited === undefined ? "" : `, waiting for ${waited}`}`, ...lab.lastWords()].join("\n\n")
}

const keepAsked = (): boolean | undefined => {
  try {
    return parseArgs({ options: { keep: { type: "boolean", default: false } } }).values.keep
  } catch {
    return undefined
  }
}

/** Ends the process with 0 when everything was as it should be, 1 when not, 2 when it is called wrongly. */
export const perform = async <S extends Stage>(
  { deadlineSeconds = DEADLINE_SECONDS, name, open }: Play<S>,
  story: (lab: S, signal: AbortSignal) => Promise<void>
) => {
  const keep = keepAsked()
  if (keep === undefined) {
    console.error(usage(name))
    process.exitCode = 2
    return
  }
  const control = new AbortController()
  watch(control, deadlineSeconds)
  const lab = open(control.signal)
  const start = performance.now()
  const failure = await story(lab, control.signal).then(
    () => undefined,
    (error: unknown) => control.signal.reason ?? error
  )
  if (failure !== undefined) {
    console.error(`\n${explain(failure, lab)}`)
    process.exitCode = failure instanceof BrokenOff ? failure.status : 1
  }
  await lab.close(keep)
  if (keep) console.log(`\nEverything is still in ${lab.root}`)
  if (failure !== undefined) return
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`\n${name}: ${lab.show.claims()} checks, all as it should be, in ${seconds} s`)
}
