/** A lab host in a temporary directory, and the real program on it. */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { until } from "./wire.ts"

const REPOSITORY = join(import.meta.dirname, "../..")
export const SHIPPER = join(REPOSITORY, "dist/cis490-shipper.cjs")
export const RECEIVER = join(REPOSITORY, "dist/cis490-receiver.cjs")
const SHIFT = join(import.meta.dirname, "shiftClock.ts")

export const COMMIT = "0123456789abcdef0123456789abcdef01234567"
export const DAY = 86_400_000

type Content = string | Uint8Array
type Files = Readonly<Record<string, Content>>
type Settings = Readonly<Record<string, string | number | boolean | ReadonlyArray<number>>>
export type Config = Readonly<Record<"paths" | "receiver" | "shipper" | "code" | "retention", Settings>>

/** What a recorder leaves. Fixed mtimes, so that the same content makes the same tarball anywhere. */
export const RECORDED: Files = {
  "meta.json": JSON.stringify({ code_version: { commit: COMMIT } }),
  "events.jsonl": '{"event":"start"}\n',
  "labels.jsonl": '{"label":"benign"}\n',
  "telemetry-proc.jsonl": '{"cpu":1}\n'
}
const RECORDED_AT = 1_700_000_000.75

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds by which its clock is ahead. */
  readonly ahead?: number
  /** Shell commands that go before it: `umask 077`, `ulimit -f 500`. */
  readonly prelude?: string
  /** What the program is started by: a tracer, a changer of privileges. */
  readonly under?: ReadonlyArray<string>
  /** The shipper if not said. */
  readonly program?: string
}

const toml = (config: Partial<Config>): string =>
  Object.entries(config)
    .map(([name, settings]) =>
      [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)].join("\n")
    )
    .join("\n")

/** The program's arguments are given whole. */
export const startProgram = (
  args: ReadonlyArray<string>,
  { ahead, env, program, prelude, under = [] }: Options = {}
) => {
  const shift = ahead === undefined ? [] : ["--import", SHIFT]
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"]
  const command = [...under, ...node, ...shift, program ?? SHIPPER, ...args]
  const [file = "", ...rest] =
    prelude === undefined ? command : ["/bin/sh", "-c", `${prelude} && exec "$@"`, "sh", ...command]
  const child: ChildProcess = spawn(file, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, HOME: "/nonexistent", CIS490_TEST_AHEAD_MS: String(ahead ?? 0), ...env }
  })
  let stdout = ""
  let stderr = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ran>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
  )
  const stop = async (signal: NodeJS.Signals): Promise<Ran> => {
    child.kill(signal)
    return ended
  }
  return {
    pid: child.pid ?? 0,
    ended,
    stop,
    stderr: () => stderr,
    over: () => child.exitCode !== null || child.signalCode !== null,
    [Symbol.asyncDispose]: async () => void (await stop("SIGKILL"))
  }
}

const walk = (root: string, below = ""): Array<string> =>
  fs.readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    return entry.isDirectory() ? [`${path}/`, ...walk(root, path)] : [path]
  })

export const makeBox = (url: string, config: Partial<Config> = {}) => {
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-box-"))
  const data = join(home, "data")
  const configFile = join(home, "lab-host.toml")
  const path = (...parts: ReadonlyArray<string>): string => join(data, ...parts)

  const configure = (over: Partial<Config> = {}, top: string = 'host_id = "lab-1"'): void => {
    const whole: Config = {
      paths: { data_root: data, min_free_bytes: 0, ...over.paths },
      receiver: { url, ...over.receiver },
      shipper: { scan_interval_s: 0.02, backoff_seconds: [0.05], checkin_interval_s: 0, ...over.shipper },
      code: { repo_path: join(home, "code"), ...over.code },
      retention: { keep_local_for_days: 0, quarantine_keep_days: 0, ...over.retention }
    }
    fs.writeFileSync(configFile, `${top}\n${toml(whole)}\n`)
  }

  /** Writes files below the data root; directories as they are needed. */
  const put = (below: string, files: Files): void => {
    fs.mkdirSync(path(below), { recursive: true })
    for (const [name, content] of Object.entries(files)) {
      fs.mkdirSync(dirname(path(below, name)), { recursive: true })
      fs.writeFileSync(path(below, name), content)
    }
  }

  /** Sets the mtime of everything in an episode. */
  const stamp = (below: string, seconds = RECORDED_AT): void => {
    const whole = path(below)
    for (const name of walk(whole)) fs.lutimesSync(join(whole, name), seconds, seconds)
    fs.utimesSync(whole, seconds, seconds)
  }

  /** A ready episode; what is in `files` is added to what every recorder leaves. */
  const episode = (id: string, files: Files = {}): void => {
    put(`episodes/${id}`, { ...RECORDED, "done.marker": "", ...files })
    stamp(`episodes/${id}`)
  }

  const run = (args: ReadonlyArray<string>, options?: Options): Promise<Ran> =>
    startProgram([...args, "--config", configFile], options).ended

  /** One pass: what it counted and how it ended. */
  const once = async (options?: Options) => {
    const ran = await run(["once", "--json"], options)
    let counts: unknown
    try {
      counts = JSON.parse(ran.stdout)
    } catch {
      throw new Error(`once ended ${ran.code} and said ${ran.stdout}${ran.stderr}`)
    }
    return { ...ran, counts }
  }

  configure(config)
  for (const name of ["episodes", "outbox", "shipped", "quarantine"]) fs.mkdirSync(path(name), { recursive: true })
  return {
    home,
    data,
    configFile,
    path,
    configure,
    put,
    stamp,
    episode,
    run,
    once,
    daemon: (options?: Options) => startProgram(["run", "--config", configFile], options),
    /** The names in a directory of the data root. */
    names: (below: string): ReadonlyArray<string> => fs.readdirSync(path(below)).toSorted(),
    /** Everything in it. */
    tree: (below: string): ReadonlyArray<string> => walk(path(below)).toSorted(),
    exists: (...parts: ReadonlyArray<string>): boolean => fs.existsSync(path(...parts)),
    text: (...parts: ReadonlyArray<string>): string => fs.readFileSync(path(...parts), "utf8"),
    json: (...parts: ReadonlyArray<string>): Record<string, unknown> =>
      JSON.parse(fs.readFileSync(path(...parts), "utf8")),
    [Symbol.dispose]: () => fs.rmSync(home, { recursive: true, force: true })
  }
}
export type Box = ReturnType<typeof makeBox>

/** What `once --json` says; members not named are 0. */
export const counts = (over: Partial<Record<keyof typeof ZERO, number>>) => ({ ...ZERO, ...over })
const ZERO = { scanned: 0, shipped: 0, transient_failures: 0, conflicts: 0, fatal: 0 }

/** Waits until `ready` says so or the program has ended, which is an error. */
export const untilRunning = async (program: { over: () => boolean; stderr: () => string }, ready: () => boolean) => {
  await until(() => ready() || program.over())
  if (!ready()) throw new Error(`the program ended: ${program.stderr()}`)
}
