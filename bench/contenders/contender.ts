/** Who ships the episodes of a workload, and how it is started. */
import { spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Processes } from "../measure.ts"

/** A running server. */
export interface Served {
  readonly pid: number
  readonly port: number
  readonly stop: () => Promise<void>
}

export interface Contender {
  readonly name: string
  /** How many each side is. */
  readonly processes: { readonly client: Processes; readonly server: Processes }
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

/** Starts a server as a process of its own that talks to a file below `place`; up when `ready` finds its port in what it said. */
export const startServer = async (
  place: string,
  argv: ReadonlyArray<string>,
  ready: (said: string) => number | undefined | Promise<number | undefined>
): Promise<Served> => {
  const [program = "", ...args] = argv
  const log = join(place, "server.log")
  const output = openSync(log, "w")
  const child = spawn(program, args, { stdio: ["ignore", output, output] })
  closeSync(output)
  const failed = new Promise<never>((_, reject) => child.once("error", reject))
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const latest = performance.now() + PATIENCE_MILLIS
  for (;;) {
    const said = readFileSync(log, "utf8")
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
    if (performance.now() > latest || child.exitCode !== null) {
      throw new Error(`its server does not come up\n${argv.join(" ")}\n${said}`)
    }
    await Promise.race([sleep(10), failed])
  }
}
