import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { RECEIVER, SHIPPER } from "../programs.ts"
import { type Contender, type Served, startServer } from "./contender.ts"
import { OURS } from "./names.ts"

const NODE = [process.execPath, "--disable-warning=ExperimentalWarning"]

const receiverConfig = (place: string): string => `listen = "127.0.0.1:0"
[paths]
store_root = "${place}/store"
incoming_root = "${place}/incoming"
index_path = "${place}/index.jsonl"
[version_gate]
enabled = false
`

const shipperConfig = (dataRoot: string, port: number): string => `host_id = "lab-1"
[paths]
data_root = "${dataRoot}"
[receiver]
url = "http://127.0.0.1:${port}"
`

/** `under`: a command that runs the receiver as itself. */
export const startReceiver = (place: string, under: ReadonlyArray<string> = []): Promise<Served> => {
  mkdirSync(place, { recursive: true })
  const config = join(place, "receiver.toml")
  writeFileSync(config, receiverConfig(place))
  return startServer(place, [...under, ...NODE, RECEIVER, "run", "--config", config], (said) => {
    const port = /listening address=127\.0\.0\.1:(\d+)/.exec(said)?.[1]
    return port === undefined ? undefined : Number(port)
  })
}

/** Where `lab-host.toml` goes, and what it says. */
interface Host {
  readonly dataRoot: string
  readonly place: string
  readonly port: number
}

export const shipperArgv = (
  { dataRoot, place, port }: Host,
  ...command: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const config = join(place, "lab-host.toml")
  writeFileSync(config, shipperConfig(dataRoot, port))
  return [...NODE, SHIPPER, ...command, "--config", config]
}

/** Rows in the index of a receiver. */
export const indexed = (place: string): number =>
  readFileSync(join(place, "index.jsonl"), "utf8").split("\n").length - 1

/** Our own two programs as they are installed, at their default settings. */
export const ours: Contender = {
  name: OURS,
  processes: { client: "one", server: "one" },
  missing: () => undefined,
  serve: (place) => startReceiver(place),
  client: (host) => ({ argv: shipperArgv(host, "once", "--json") }),
  arrived: indexed
}
