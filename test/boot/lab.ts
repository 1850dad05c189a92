/** A lab host and a central node in one booted Debian, with both programs installed as services. */
import * as fs from "node:fs"
import { RECORDED } from "../support/shipperBox.ts"
import { bootMachine, eventually, type Machine } from "./machine.ts"
import { installedRoot } from "./packages.ts"

export const DATA = "/var/lib/cis490/data"
export const STORE = "/var/lib/cis490-receiver/store"
export const TOKEN = "token-of-lab-01-that-nobody-may-see"
const HOST = "lab-01"

type Value = string | number | boolean | ReadonlyArray<number>
type Table = Readonly<Record<string, Value>>
type Tables = Readonly<Record<string, Table>>

/** Top-level keys first, under `""`. */
export const toml = (tables: Tables): string =>
  Object.entries(tables)
    .map(([name, table]) => {
      const lines = Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
      return [...(name === "" ? [] : [`[${name}]`]), ...lines, ""].join("\n")
    })
    .join("\n")

/** A unit's own settings for the tests, on top of what is installed. */
export const dropIn = async (machine: Machine, unit: string, lines: ReadonlyArray<string>): Promise<void> => {
  machine.write(`/etc/systemd/system/${unit}.service.d/test.conf`, ["[Service]", ...lines, ""].join("\n"))
  await machine.print("systemctl daemon-reload")
}

const RECORD = `
  commit=$2 directory=${DATA}/episodes/$1
  install -d -o cis490 -g cis490 ${DATA} ${DATA}/episodes
  mkdir "$directory"
  printf '{"code_version":{"commit":"%s"}}' "$commit" > "$directory/meta.json"
  ${Object.keys(RECORDED)
    .filter((name) => name !== "meta.json")
    .map((name) => `printf '{"at":1}\\n' > "$directory/${name}"`)
    .join("\n  ")}
`

const FINISH = `
  touch "$directory/done.marker"
  chown -R cis490:cis490 "$directory"
`

/** What is asked of a machine that has the programs. */
export const labOn = (machine: Machine) => {
  const unit = async (name: string): Promise<Readonly<Record<string, string>>> => {
    const said = await machine.print(
      'systemctl show "$1" --property=ActiveState,SubState,MainPID,NRestarts,Result,StatusText,ExecMainCode,ExecMainStatus',
      `${name}.service`
    )
    return Object.fromEntries(
      said
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])
    )
  }

  return {
    ...machine,
    unit,
    /** A finished episode; `commands` add to it before it is finished. */
    record: async (id: string, commit: string, commands = ""): Promise<void> =>
      void (await machine.print(`${RECORD}\n${commands}\n${FINISH}`, id, commit)),
    names: (below: string): ReadonlyArray<string> => {
      const path = machine.at(`${DATA}/${below}`)
      return fs.existsSync(path) ? fs.readdirSync(path).toSorted() : []
    },
    stored: (): ReadonlyArray<string> => {
      const path = machine.at(`${STORE}/${HOST}`)
      return fs.existsSync(path) ? fs.readdirSync(path).toSorted() : []
    },
    /** What a unit logged, a line each. */
    log: async (name: string, ...args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
      (await machine.print('unit=$1; shift; journalctl --unit="$unit" --output=cat --no-pager "$@"', name, ...args))
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("-- ")),
    untilActive: (name: string, millis?: number) =>
      eventually(`${name} is active`, async () => (await unit(name))["ActiveState"] === "active", millis)
  }
}
export type Lab = ReturnType<typeof labOn>

export interface LabOptions {
  readonly shipper?: Tables
  readonly receiver?: Tables
}

/** Boots a machine with both programs, configured for each other; nothing is started. */
export const bootLab = async ({ receiver = {}, shipper = {} }: LabOptions = {}) => {
  const machine = await bootMachine(installedRoot())
  const configureShipper = (over: Tables = {}): void =>
    machine.write(
      "/etc/cis490/lab-host.toml",
      toml({
        "": { host_id: HOST },
        ...shipper,
        ...over,
        receiver: { url: "http://127.0.0.1:8490", bearer_token: TOKEN, ...shipper["receiver"], ...over["receiver"] }
      })
    )
  const configureReceiver = (over: Tables = {}): void =>
    machine.write(
      "/etc/cis490/receiver.toml",
      toml({ version_gate: { enabled: false }, ...receiver, "auth.hosts": { [HOST]: TOKEN }, ...over })
    )
  configureShipper()
  configureReceiver()
  return { ...labOn(machine), configureShipper, configureReceiver }
}
export type ConfiguredLab = Awaited<ReturnType<typeof bootLab>>
