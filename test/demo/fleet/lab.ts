/** One master, two lab hosts' agents and a container engine, below a temporary directory. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { basename, join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import type { Hydrated } from "../../../src/domain/topology/hydrated.ts"
import { startEngine, type TestEngine } from "../../support/engine.ts"
import { type Child, makeChildren } from "../children.ts"
import { makeShow } from "../show.ts"

export const HOSTS = ["lab-1", "lab-2"] as const
export type Host = (typeof HOSTS)[number]

const CHECKOUT = resolve(import.meta.dirname, "../../..")
const scriptOf = (program: string): string => join(CHECKOUT, `layers/${program}.ts`)

/** Where everybody listens. */
type Ports = Readonly<Record<Host | "master", number>>

const agentConfig = (root: string, host: Host, engine: string, ports: Ports) => `host_id = "${host}"
listen = "127.0.0.1:${ports[host]}"
heartbeat_interval_s = 1

[agent]
dir = ${JSON.stringify(join(root, host))}

[auth]
bearer_token_file = ${JSON.stringify(join(root, `${host}.agent.token`))}

[master]
url = "http://127.0.0.1:${ports.master}"
bearer_token_file = ${JSON.stringify(join(root, `${host}.token`))}

[docker]
socket = ${JSON.stringify(engine)}
`

const masterConfig = (root: string, ports: Ports) => `listen = "127.0.0.1:${ports.master}"

[paths]
store_root = ${JSON.stringify(join(root, "central/store"))}
incoming_root = ${JSON.stringify(join(root, "central/incoming"))}
index_path = ${JSON.stringify(join(root, "central/index.jsonl"))}

[auth]
admin_token_file = ${JSON.stringify(join(root, "admin.token"))}

[auth.hosts]
${HOSTS.map((host) => `${host} = "upload-token-of-${host}"`).join("\n")}

[version_gate]
enabled = false

${HOSTS.map(
  (host) => `[fleet.${host}]
agent_url = "http://127.0.0.1:${ports[host]}"
agent_token_file = ${JSON.stringify(join(root, `${host}.agent.token`))}
`
).join("\n")}`

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0))
    })
  })

const ADMIN_TOKEN = "the-operators-own"
const WHY = "this demo starts a container engine of its own"
const LISTENING = /^<6>listening address=/m

/** Everything is below a new temporary directory. `signal` ends the waiting, and stops what was started. */
export const openFleet = (signal: AbortSignal) => {
  const root = mkdtempSync(join(realpathSync(tmpdir()), "cis490-fleet-"))
  const show = makeShow((text) => text.replaceAll(root, basename(root)))
  const children = makeChildren(signal)
  const daemons = new Map<string, Child>()
  const waitingFor: Array<string> = []
  let engine: TestEngine | undefined
  let masterPort = 0
  signal.addEventListener("abort", () => void children.stopAll())

  const below = (...names: ReadonlyArray<string>) => join(root, ...names)
  mkdirSync(below("central"))
  writeFileSync(below("admin.token"), `${ADMIN_TOKEN}\n`, { mode: 0o600 })
  for (const host of HOSTS) {
    writeFileSync(below(`${host}.token`), `upload-token-of-${host}\n`, { mode: 0o600 })
    writeFileSync(below(`${host}.agent.token`), `token-of-the-agent-of-${host}\n`, { mode: 0o600 })
  }

  /** Waits until it is so, as long as the daemons live. */
  const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
    waitingFor.push(what)
    while (!(await isSo())) {
      const dead = [...daemons.values()].find((daemon) => !daemon.running())
      if (dead !== undefined) throw new Error(`${dead.name} has ended`)
      await setTimeout(50, undefined, { signal })
    }
    waitingFor.pop()
  }

  const start = (name: string, program: string, args: ReadonlyArray<string>) =>
    children.start(name, scriptOf(program), args)

  const startDaemon = async (name: string, program: string, config: string) => {
    show.command(program, "run", "--config", config)
    const daemon = await start(name, program, ["run", "--config", below(config)])
    daemons.set(name, daemon)
    await until(`${name} to listen`, () => LISTENING.test(daemon.stderr()))
    return daemon
  }
  /** Runs a command to its end and shows what it prints. */
  const run = async (program: string, config: string, args: ReadonlyArray<string>) => {
    show.command(program, ...args.map((word) => word.replace(`${root}/`, "")))
    const child = await start(program, program, [...args, "--config", below(config)])
    const status = await child.ended
    signal.throwIfAborted()
    show.log(child.stderr())
    show.print(child.stdout())
    return { status, stdout: child.stdout() }
  }

  const master = (...args: ReadonlyArray<string>) => run("cis490-receiver", "receiver.toml", args)

  /** What the master says of a host. */
  const rowOf = async (host: Host): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
    const response = await fetch(`http://127.0.0.1:${masterPort}/v1/hosts`, { headers, signal })
    const rows = JSON.parse(await response.text()) as ReadonlyArray<Record<string, unknown>>
    return rows.find(({ host_id }) => host_id === host) ?? {}
  }

  const theEngine = (): TestEngine => {
    if (engine === undefined) throw new Error("the engine was not started")
    return engine
  }

  return {
    root,
    show,
    until,
    below,
    rowOf,
    master,
    waitingFor: () => waitingFor.at(-1),
    engine: theEngine,
    startEngine: async () => {
      if (process.getuid?.() !== 0) throw new Error(`${WHY}, and for that has to be root: sudo npm run demo:fleet`)
      engine = await startEngine().catch((error: unknown) => {
        throw new Error(`${WHY}, and cannot: ${error instanceof Error ? error.message : String(error)}`)
      })
    },
    startAgent: (host: Host) => startDaemon(host, "cis490-agent", `${host}.toml`),
    configure: async () => {
      const [master, one, two] = [await freePort(), await freePort(), await freePort()]
      masterPort = master
      const ports = { master, "lab-1": one, "lab-2": two }
      for (const host of HOSTS) writeFileSync(below(`${host}.toml`), agentConfig(root, host, theEngine().socket, ports))
      writeFileSync(below("receiver.toml"), masterConfig(root, ports))
    },
    startMaster: () => startDaemon("master", "cis490-receiver", "receiver.toml"),
    agentState: (host: Host) => run("cis490-agent", `${host}.toml`, ["state"]),
    stop: async (name: string) => {
      const daemon = daemons.get(name)
      daemons.delete(name)
      return (await daemon?.stop()) ?? -1
    },
    /** What a daemon has said of `about` since `from`, its log being longer by then. */
    saidBy: (name: string, from: number, about: RegExp) =>
      (daemons.get(name)?.stderr() ?? "")
        .slice(from)
        .split("\n")
        .filter((line) => about.test(line)),
    saidSoFar: (name: string): number => daemons.get(name)?.stderr().length ?? 0,
    write: (name: string, topology: Hydrated) => {
      writeFileSync(below(name), JSON.stringify(topology, null, 2))
      return name
    },

    lastWords: () =>
      [...daemons.values()].map(({ name, stderr }) => `${name}:\n${stderr().split("\n").slice(-12).join("\n")}`),
    close: async (keep: boolean) => {
      await children.stopAll()
      await engine?.[Symbol.asyncDispose]()
      if (!keep) rmSync(root, { recursive: true, force: true })
    }
  }
}
export type Fleet = ReturnType<typeof openFleet>
