import { mkdirSync } from "node:fs"
import { RECEIVER, SHIPPER } from "../programs.ts"
import { countRows } from "../rows.ts"
import { indexPath, receiverPort, writeHostSettings, writeReceiverSettings } from "../settings.ts"
import { type Contender, type Served, startServer } from "./contender.ts"
import { OURS } from "./names.ts"

const NODE = [process.execPath, "--disable-warning=ExperimentalWarning"]

/** `under`: a command that runs the receiver as itself. */
export const startReceiver = (place: string, under: ReadonlyArray<string> = []): Promise<Served> => {
  mkdirSync(place, { recursive: true })
  const argv = [...under, ...NODE, RECEIVER, "run", "--config", writeReceiverSettings(place)]
  return startServer(place, argv, receiverPort)
}

/** `place`: where `lab-host.toml` goes. */
interface Host {
  readonly dataRoot: string
  readonly place: string
  readonly port: number
}

export const shipperArgv = (
  { dataRoot, place, port }: Host,
  ...command: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const config = writeHostSettings(place, { dataRoot, url: `http://127.0.0.1:${port}` })
  return [...NODE, SHIPPER, ...command, "--config", config]
}

/** Our own two programs as they are installed, at their default settings. */
export const ours: Contender = {
  name: OURS,
  processes: { client: "one", server: "one" },
  missing: () => undefined,
  serve: (place) => startReceiver(place),
  client: (host) => ({ argv: shipperArgv(host, "once", "--json") }),
  arrived: (place) => countRows(indexPath(place))
}
