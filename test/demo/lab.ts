/** One lab host and one receiver below a temporary directory, and whoever looks after them. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { type Child, makeChildren } from "./children.ts"
import { makeShow } from "./show.ts"

export const HOST = "lab-demo"

const CHECKOUT = resolve(import.meta.dirname, "../..")
const PROGRAMS = {
  "cis490-shipper": { script: join(CHECKOUT, "layers/cis490-shipper.ts"), config: "lab-host.toml" },
  "cis490-receiver": { script: join(CHECKOUT, "layers/cis490-receiver.ts"), config: "receiver.toml" }
}
export type Program = keyof typeof PROGRAMS

/** The commit of this checkout; any other will do where there is no git, for the gate is off. */
const commitOfCheckout = (): string => {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const
    return execFileSync("git", ["-C", CHECKOUT, "rev-parse", "HEAD"], { encoding: "utf8", stdio: [...stdio] }).trim()
  } catch {
    return "0123456789abcdef0123456789abcdef01234567"
  }
}

const receiverConfig = (root: string) => `listen = "127.0.0.1:0"

[paths]
store_root = ${JSON.stringify(join(root, "central/store"))}
incoming_root = ${JSON.stringify(join(root, "central/incoming"))}
index_path = ${JSON.stringify(join(root, "central/index.jsonl"))}

[limits]
min_free_bytes = 0

[version_gate]
enabled = false
`

const hostConfig = (root: string, address: string) => `host_id = "${HOST}"

[paths]
data_root = ${JSON.stringify(join(root, "lab"))}
min_free_bytes = 0

[receiver]
url = "http://${address}"

[shipper]
scan_interval_s = 1

[code]
repo_path = ${JSON.stringify(CHECKOUT)}
`

/** Everything is below a new temporary directory. `signal` ends the waiting, and stops what was started. */
export const openLab = (signal: AbortSignal) => {
  const root = mkdtempSync(join(realpathSync(tmpdir()), "cis490-demo-"))
  const show = makeShow((text) => text.replaceAll(root, basename(root)))
  const children = makeChildren(signal)
  const daemons: Array<Child> = []
  const waitingFor: Array<string> = []
  signal.addEventListener("abort", () => void children.stopAll())

  const below = (...names: ReadonlyArray<string>) => join(root, ...names)
  const host = {
    root: below("lab"),
    episodes: below("lab/episodes"),
    outbox: below("lab/outbox"),
    shipped: below("lab/shipped"),
    quarantine: below("lab/quarantine")
  }
  const central = { root: below("central"), store: below("central/store", HOST), index: below("central/index.jsonl") }
  const scratch = below("scratch")
  mkdirSync(central.root)
  mkdirSync(scratch)
  writeFileSync(below("receiver.toml"), receiverConfig(root))

  /** Waits until it is so, as long as the daemons live. */
  const until = async (what: string, isSo: () => boolean) => {
    waitingFor.push(what)
    while (!isSo()) {
      const dead = daemons.find((daemon) => !daemon.running())
      if (dead !== undefined) throw new Error(`${dead.name} has ended`)
      await setTimeout(20, undefined, { signal })
    }
    waitingFor.pop()
  }

  const start = (program: Program, args: ReadonlyArray<string>) => {
    const { config, script } = PROGRAMS[program]
    show.command(program, ...args)
    return children.start(program, script, [...args, "--config", below(config)])
  }

  return {
    root,
    host,
    central,
    scratch,
    show,
    until,
    commit: commitOfCheckout(),
    checkout: CHECKOUT,
    waitingFor: () => waitingFor.at(-1),
    configureHost: (address: string) => writeFileSync(below("lab-host.toml"), hostConfig(root, address)),

    /** Starts one that goes on; its log goes on too. */
    startDaemon: async (program: Program) => {
      const daemon = await start(program, ["run"])
      daemons.push(daemon)
      return daemon
    },
    stopDaemon: (daemon: Child) => {
      daemons.splice(daemons.indexOf(daemon), 1)
      return daemon.stop()
    },
    startWorkload: (name: string, directory: string) =>
      children.start(name, join(import.meta.dirname, "workload.ts"), [name, directory]),

    /** Runs a command to its end and shows what it prints. */
    run: async (program: Program, ...args: ReadonlyArray<string>) => {
      waitingFor.push(`the end of ${program} ${args.join(" ")}`)
      const child = await start(program, args)
      const status = await child.ended
      waitingFor.pop()
      signal.throwIfAborted()
      show.log(child.stderr())
      show.print(child.stdout())
      return { status, stdout: child.stdout() }
    },

    /** What the daemons said last. */
    lastWords: () => daemons.map(({ name, stderr }) => `${name}:\n${stderr().split("\n").slice(-12).join("\n")}`),
    close: async (keep: boolean) => {
      await children.stopAll()
      if (!keep) rmSync(root, { recursive: true, force: true })
    }
  }
}
export type Lab = ReturnType<typeof openLab>
