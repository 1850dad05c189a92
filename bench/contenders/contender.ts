/** Who ships the episodes of a workload, and how it is started. */
import { spawn } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"

/** A running server. */
export interface Served {
  readonly pid: number
  readonly port: number
  readonly stop: () => Promise<void>
}

export interface Contender {
  readonly name: string
  /** Why this machine cannot run it. */
  readonly missing: () => string | undefined
  /** Starts its server below `place`; `undefined` where it has none. */
  readonly serve: (place: string) => Promise<Served | undefined>
  /** The command that ships everything below `dataRoot/episodes`, as one process. */
  readonly client: (options: { readonly dataRoot: string; readonly place: string; readonly port: number }) => {
    readonly argv: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
  }
  /** How many episodes are there, durable and (where it has one) in the index. */
  readonly arrived: (place: string) => number
}

const PATIENCE_MILLIS = 20_000

/** Starts a server as a process of its own; up when `ready` finds its port in what it said. */
export const startServer = async (
  argv: ReadonlyArray<string>,
  ready: (said: string) => number | undefined | Promise<number | undefined>,
  env: Readonly<Record<string, string>> = {}
): Promise<Served> => {
  const [program = "", ...args] = argv
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
  }
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const latest = performance.now() + PATIENCE_MILLIS
  for (;;) {
    const port = await ready(said)
    if (port !== undefined) {
      return {
        pid: child.pid ?? 0,
        port,
        stop: async () => {
          child.kill("SIGTERM")
          await ended
        }
      }
    }
    if (performance.now() > latest || child.exitCode !== null) throw new Error(`${argv.join(" ")}: ${said}`)
    await sleep(10)
  }
}
