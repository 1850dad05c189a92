/** A daemon under test and whoever looks after it: started again whenever it has ended, and stopped where it stands to be looked at. */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { type Ran, startProgram } from "../support/shipperBox.ts"

/** Root reads and writes everything unless it gives that up. */
const WITHOUT_PRIVILEGE =
  process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] : []

export const launch = (program: string, args: ReadonlyArray<string>) =>
  startProgram(args, { program, under: WITHOUT_PRIVILEGE })
export type Running = ReturnType<typeof launch>

/** Adds what a program said to its log. */
const keepLog = (path: string, { code, signal, stderr, stdout }: Ran): void =>
  fs.appendFileSync(path, `${stderr}${stdout}=== ended: ${signal ?? code}\n`)

export interface Script {
  readonly name: string
  /** The bundle. */
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Where what it says is kept. */
  readonly log: string
  /** What it says once it works. */
  readonly up: RegExp
  /** Directories in which something happens while it works. */
  readonly stage: ReadonlyArray<string>
  /** Told when it ends without having been asked to. */
  readonly onOwnEnd: (ran: Ran) => void
}

const RESTART_MILLIS = 100

export const makeActor = (script: Script) => {
  let running: Running | undefined
  let wanted = false
  let startedAt = 0

  const start = (): void => {
    if (running !== undefined) return
    wanted = true
    startedAt = performance.now()
    const started = (running = launch(script.program, script.args))
    void attend(started)
  }
  const attend = async (started: Running): Promise<void> => {
    const ran = await started.ended
    keepLog(script.log, ran)
    if (running === started) running = undefined
    if (!wanted) return
    script.onOwnEnd(ran)
    // As the service manager does.
    await sleep(RESTART_MILLIS)
    if (wanted) start()
  }
  /** Ends it; what it said is `undefined` when there was nothing to end. */
  const end = async (signal: NodeJS.Signals): Promise<Ran | undefined> => {
    wanted = false
    const ended = await running?.stop(signal)
    running = undefined
    return ended
  }

  return {
    ...script,
    start,
    end,
    running: (): Running | undefined => running,
    age: (): number => performance.now() - startedAt,
    /** What it said when it began to work. */
    up: (): RegExpExecArray | null => script.up.exec(running?.stderr() ?? "")
  }
}
export type Actor = ReturnType<typeof makeActor>

/** Whether every thread of a process stands still; one that has ended does. */
const standsStill = (pid: number): boolean => {
  try {
    const states = fs
      .readdirSync(`/proc/${pid}/task`)
      .map((thread) => /^State:\s+(\S)/m.exec(fs.readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8"))?.[1])
    return states.every((state) => state !== undefined && "TtZX".includes(state))
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH"].includes(String(error.code))) return true
    throw error
  }
}

/** Stops the programs where they are, looks, and lets them go on. */
export const whileFrozen = async <A>(programs: ReadonlyArray<Running>, look: () => Promise<A>): Promise<A> => {
  const alive = programs.filter((program) => !program.over())
  const signal = (name: NodeJS.Signals) =>
    alive.filter(({ over }) => !over()).forEach(({ pid }) => process.kill(pid, name))
  signal("SIGSTOP")
  try {
    while (!alive.every(({ over, pid }) => over() || standsStill(pid))) await sleep(0)
    return await look()
  } finally {
    signal("SIGCONT")
  }
}
