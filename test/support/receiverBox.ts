/** A central node in a temporary directory, and the real program on it. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Ran, RECEIVER, startProgram, untilRunning } from "./shipperBox.ts"

type Settings = Readonly<Record<string, string | number | boolean | ReadonlyArray<string>>>
type Tables = Readonly<
  Partial<
    Record<"paths" | "limits" | "version_gate" | "auth" | "auth.hosts" | "tls" | "proxy" | `fleet.${string}`, Settings>
  >
>

export interface Start {
  /** What the program is started by: a tracer, a changer of privileges. */
  readonly under?: ReadonlyArray<string>
  /** Shell commands that go before it: `umask 0`. */
  readonly prelude?: string
  /** Milliseconds by which its clock is ahead. */
  readonly ahead?: number
}

const tableText = ([name, settings = {}]: readonly [string, Settings | undefined]): string =>
  [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`), ""].join("\n")

/** `root`: where its data lies, if not in the temporary directory. `listen`: at a free port of the loopback if not said. */
export const makeReceiverBox = (over: Tables = {}, root?: string, listen = "127.0.0.1:0") => {
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-receiver-"))
  const data = root ?? home
  const configFile = join(home, "receiver.toml")
  const paths = {
    store_root: join(data, "store"),
    incoming_root: join(data, "incoming"),
    index_path: join(data, "index.jsonl"),
    ...over.paths
  }
  const tables: Tables = {
    ...over,
    paths,
    limits: { min_free_bytes: 0, ...over.limits },
    version_gate: { enabled: false, ...over.version_gate }
  }
  fs.writeFileSync(configFile, [`listen = "${listen}"`, ...Object.entries(tables).map(tableText)].join("\n"))

  const launch = (args: ReadonlyArray<string>, start?: Start) =>
    startProgram([...args, "--config", configFile], { program: RECEIVER, ...start })

  /** Starts it and waits until it listens. */
  const start = async (options?: Start) => {
    const program = launch(["run"], options)
    const address = () => /listening address=(?:[0-9.]+:|unix:)(\S+)/.exec(program.stderr())?.[1]
    await untilRunning(program, () => address() !== undefined)
    const port = Number(address())
    return {
      ...program,
      /** No number at a unix socket. */
      port,
      url: over.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
      /** The program's own pid, also under a tracer. */
      ownPid: Number(fs.readFileSync(join(paths.store_root, ".lock"), "utf8"))
    }
  }

  const names = (path: string): ReadonlyArray<string> =>
    fs.existsSync(path) ? fs.readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted() : []

  return {
    home,
    paths,
    launch,
    start,
    run: (args: ReadonlyArray<string>): Promise<Ran> => launch(args).ended,
    stored: (hostId: string, episodeId: string): string => join(paths.store_root, hostId, `${episodeId}.tar.zst`),
    /** What lies in `incoming/`. */
    incoming: (): ReadonlyArray<string> => names(paths.incoming_root),
    /** The stored tarballs, `host/episode.tar.zst`. */
    store: (): ReadonlyArray<string> => names(paths.store_root).filter((name) => name.endsWith(".tar.zst")),
    /** The whole rows of the index: a line that is being appended is none yet. */
    rows: (): ReadonlyArray<Record<string, unknown>> =>
      fs.existsSync(paths.index_path)
        ? fs
            .readFileSync(paths.index_path, "utf8")
            .split("\n")
            .slice(0, -1)
            .map((line) => JSON.parse(line))
        : [],
    [Symbol.dispose]: () => fs.rmSync(home, { recursive: true, force: true })
  }
}
export type ReceiverBox = ReturnType<typeof makeReceiverBox>
