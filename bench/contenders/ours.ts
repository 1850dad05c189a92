import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { RECEIVER, SHIPPER } from "../programs.ts"
import { type Contender, startServer } from "./contender.ts"

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

/** Our own two programs as they are installed, at their default settings. */
export const ours: Contender = {
  name: "CIS490",
  missing: () => undefined,
  serve: (place) => {
    mkdirSync(place, { recursive: true })
    const config = join(place, "receiver.toml")
    writeFileSync(config, receiverConfig(place))
    return startServer([...NODE, RECEIVER, "run", "--config", config], (said) => {
      const port = /listening address=127\.0\.0\.1:(\d+)/.exec(said)?.[1]
      return port === undefined ? undefined : Number(port)
    })
  },
  client: ({ dataRoot, place, port }) => {
    const config = join(place, "lab-host.toml")
    writeFileSync(config, shipperConfig(dataRoot, port))
    return { argv: [...NODE, SHIPPER, "once", "--json", "--config", config] }
  },
  arrived: (place) => readFileSync(join(place, "index.jsonl"), "utf8").split("\n").length - 1
}
