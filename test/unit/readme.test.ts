import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { agent } from "../../src/cli/agent.ts"
import { receiver } from "../../src/cli/receiver.ts"
import { shipper } from "../../src/cli/shipper.ts"
import { AgentSettings } from "../../src/domain/agentSettings.ts"
import { ReceiverSettings } from "../../src/domain/receiverSettings.ts"
import { ShipperSettings } from "../../src/domain/shipperSettings.ts"
import { version } from "../../src/domain/version.ts"
import { settingsTable } from "../support/settingsTable.ts"

const file = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8")
const readme = file("README.md")
const packageJson = JSON.parse(file("package.json"))
const section = (title: string): string => {
  const from = readme.indexOf(`\n${title}\n`)
  expect(from, `README.md has a section ${title}`).toBeGreaterThan(0)
  const rest = readme.slice(from + title.length + 2)
  const depth = /^#+/.exec(title)?.[0].length ?? 0
  const to = rest.search(new RegExp(`^#{1,${depth}} `, "m"))
  return to < 0 ? rest : rest.slice(0, to)
}
const firstCells = (text: string): ReadonlyArray<string> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|")[1] ?? "")
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? ""))

const subcommands = (command: typeof agent | typeof shipper | typeof receiver): ReadonlyArray<string> =>
  command.subcommands.flatMap(({ commands }) => commands.map(({ name }) => name))

describe("README.md", () => {
  it("lists every key of lab-host.toml with its default", () => {
    expect(section("#### `lab-host.toml`")).toContain(settingsTable(ShipperSettings))
  })

  it("lists every key of receiver.toml with its default", () => {
    expect(section("#### `receiver.toml`")).toContain(settingsTable(ReceiverSettings))
  })

  it("lists every key of agent.toml with its default", () => {
    expect(section("#### `agent.toml`")).toContain(settingsTable(AgentSettings))
  })

  it("lists every command", () => {
    expect(firstCells(section("### The agent")).toSorted()).toEqual(subcommands(agent).toSorted())
    expect(firstCells(section("### A lab host")).toSorted()).toEqual(subcommands(shipper).toSorted())
    expect(firstCells(section("### The receiver")).toSorted()).toEqual(subcommands(receiver).toSorted())
  })

  it("says of every dependency why it is there, and of no other", () => {
    const { dependencies, devDependencies, optionalDependencies } = packageJson
    const all = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    expect(firstCells(section("### Dependencies")).toSorted()).toEqual(all.toSorted())
  })

  it("names only scripts that are there", () => {
    const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? "")
    expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([])
  })
})

describe("package.json", () => {
  it("pins every dependency exactly", () => {
    const { dependencies, devDependencies, optionalDependencies } = packageJson
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, range]) => !/^\d+\.\d+\.\d+$/.test(String(range))
    )
    expect(loose).toEqual([])
  })

  it("has the version that the programs say", () => {
    expect(packageJson.version).toBe(version)
  })
})
