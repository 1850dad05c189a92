/** The units as they are in the checkout, as systemd itself judges them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needTools, printed } from "../support/tools.ts"

const CHECKOUT = join(import.meta.dirname, "../..")
const UNITS = ["cis490-shipper", "cis490-receiver", "cis490-agent"]

const text = (unit: string): string => readFileSync(join(CHECKOUT, `etc/${unit}.service`), "utf8")

/** What a unit sets, comments left out. */
const settings = (unit: string): ReadonlyArray<string> =>
  text(unit)
    .split("\n")
    .filter((line) => /^[A-Z]\w*=/.test(line))

let scratch = ""
beforeAll(() => {
  needTools("systemd-analyze")
  scratch = mkdtempSync(join(tmpdir(), "cis490-units-"))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(UNITS)("%s.service", (unit) => {
  it("is understood by systemd, every line of it", async () => {
    // What it starts is not installed here, and what it waits for may not be.
    const folder = join(scratch, unit)
    mkdirSync(folder)
    const startable = text(unit).replaceAll(/^ExecStart=.*$/gm, "ExecStart=/bin/true")
    writeFileSync(join(folder, `${unit}.service`), startable)
    const said = await printed(folder, 'systemd-analyze verify --man=no "$1" 2>&1', `./${unit}.service`)
    expect(said).toBe("")
  })

  it("has an exposure of 2.0 or better", async () => {
    const said = await printed(
      CHECKOUT,
      'systemd-analyze security --offline=true --threshold=20 --no-pager "$1" 2>&1',
      `etc/${unit}.service`
    )
    const exposure = Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(said)?.[1])
    expect(exposure).toBeLessThanOrEqual(2)
  })

  it("is watched, started again for ever, and nobody in particular", () => {
    expect(settings(unit)).toEqual(
      expect.arrayContaining([
        "Type=notify",
        "WatchdogSec=180",
        "Restart=on-failure",
        "StartLimitIntervalSec=0",
        "User=cis490",
        "NoNewPrivileges=yes"
      ])
    )
    expect(settings(unit).filter((line) => line.startsWith("StateDirectory=cis490"))).toHaveLength(1)
    expect(settings(unit).filter((line) => line.startsWith("LoadCredential="))).not.toEqual([])
  })

  it("gives a secret no path of its own: one that is not there must not keep it from starting", () => {
    const credentials = settings(unit).filter((line) => line.startsWith("LoadCredential="))
    expect(credentials.filter((line) => !/^LoadCredential=[\w.-]+$/.test(line))).toEqual([])
  })

  it("starts the program of its name", () => {
    expect(settings(unit).filter((line) => line.startsWith("ExecStart"))).toEqual([`ExecStart=${unit} run`])
  })
})
