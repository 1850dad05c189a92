/** The processes that the demo starts, and stops by their pids, whatever happens. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"

export interface Child {
  readonly name: string
  readonly pid: number
  /** What it has written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly running: () => boolean
  /** Resolves with its exit status; one that a signal ended counts as 1. */
  readonly ended: Promise<number>
  readonly stop: () => Promise<number>
}

/** As long as the shipper may take to end. */
const PATIENCE_MILLIS = 10_000

/** What the caller's shell says about our programs, or a service manager about the caller, is not about these. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CIS490_|NOTIFY_SOCKET$|WATCHDOG_|NODE_OPTIONS$)/.test(name))
  )

const gather = (stream: NodeJS.ReadableStream): (() => string) => {
  const chunks: Array<Buffer> = []
  stream.on("data", (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

const terminate = async (child: ChildProcess, ended: Promise<number>) => {
  child.kill("SIGTERM")
  const killer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS)
  const status = await ended
  clearTimeout(killer)
  return status
}

/** Starts programs that this Node runs, none once `signal` is aborted. */
export const makeChildren = (signal: AbortSignal) => {
  const alive = new Set<Child>()

  const start = async (name: string, script: string, args: ReadonlyArray<string>): Promise<Child> => {
    signal.throwIfAborted()
    const child = spawn(process.execPath, [script, ...args], { env: environment(), stdio: "pipe" })
    const ended = once(child, "close").then(([status]) => (typeof status === "number" ? status : 1))
    const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)]
    const running = () => child.exitCode === null && child.signalCode === null
    await once(child, "spawn")
    const started = { name, pid: child.pid ?? 0, stdout, stderr, running, ended, stop: () => terminate(child, ended) }
    alive.add(started)
    void ended.then(() => alive.delete(started))
    if (signal.aborted) await started.stop()
    return started
  }

  const stopAll = async () => {
    await Promise.all([...alive].map((child) => child.stop()))
  }

  return { start, stopAll }
}
export type Children = ReturnType<typeof makeChildren>
