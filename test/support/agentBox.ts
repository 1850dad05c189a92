/** A lab host's agent in a temporary directory: its files, and the real program on them. */
import * as fs from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { type Options, type Ran, startProgram, untilRunning } from "./shipperBox.ts"
import { hashOf } from "./topology.ts"

export const AGENT = join(import.meta.dirname, "../../dist/cis490-agent.cjs")

type Settings = Readonly<Record<string, string | number | boolean | ReadonlyArray<string>>>
type Tables = Readonly<Partial<Record<"agent" | "auth" | "tls" | "master" | "docker", Settings>>>

export interface Reply {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Record<string, never>
}

/** Asks over a unix socket; paths and bodies go as they are. */
export const ask = (
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: http.OutgoingHttpHeaders = {}
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path, headers, agent: false })
    request.once("error", reject)
    request.once("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("error", reject)
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text === "" ? {} : JSON.parse(text)
        })
      })
    })
    request.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body))
  })

const tableText = ([name, settings = {}]: readonly [string, Settings?]): string =>
  [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`), ""].join("\n")

/** `engine`: its socket. Heartbeats only where `pulse` says how often, in seconds. */
export const makeAgentBox = (
  engine: string,
  {
    listen,
    pulse = 0,
    tables = {}
  }: { readonly listen?: string; readonly pulse?: number; readonly tables?: Tables } = {}
) => {
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-agent-"))
  const socket = join(home, "agent.sock")
  const directory = join(home, "state")
  const database = join(directory, "topology.db")
  const configFile = join(home, "agent.toml")

  const configure = (over: Tables = {}): void => {
    const whole: Tables = {
      ...tables,
      ...over,
      agent: { dir: directory, ...tables.agent },
      master: { url: "http://127.0.0.1:9", ...tables.master, ...over.master },
      docker: { socket: engine, ...over.docker }
    }
    const top = `host_id = "lab-1"\nlisten = "${listen ?? `unix:${socket}`}"\nheartbeat_interval_s = ${pulse}\n`
    fs.writeFileSync(configFile, [top, ...Object.entries(whole).map(tableText)].join("\n"))
  }
  configure()

  const launch = (args: ReadonlyArray<string>, options: Options = {}) =>
    startProgram([...args, "--config", configFile], { program: AGENT, ...options })

  /** Starts it and waits until it listens. */
  const start = async (options?: Options) => {
    const program = launch(["run"], options)
    await untilRunning(program, () => program.stderr().includes("listening"))
    return program
  }

  const request = (method: string, path: string, body?: unknown, headers?: http.OutgoingHttpHeaders) =>
    ask(socket, method, path, body, headers)

  return {
    home,
    socket,
    directory,
    database,
    configure,
    launch,
    start,
    run: (args: ReadonlyArray<string>, options?: Options): Promise<Ran> => launch(args, options).ended,
    request,
    state: async () => (await request("GET", "/topology/state")).body as Record<string, unknown>,
    apply: (hydrated: Hydrated, generation = 1) =>
      request("POST", "/topology/apply", { hydrated, version_hash: hashOf(hydrated), generation }),
    teardown: (topologyId: string, generation = 1) =>
      request("POST", "/topology/teardown", { topology_id: topologyId, generation }),
    [Symbol.dispose]: () => fs.rmSync(home, { recursive: true, force: true })
  }
}
export type AgentBox = ReturnType<typeof makeAgentBox>
