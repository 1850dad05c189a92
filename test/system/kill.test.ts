/** The built programs, killed at random moments on real directories amid real faults: nothing is lost, everything comes to rest. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { expect, test } from "vitest"
import { FAULT_NAMES } from "../kill/faults.ts"

const HARNESS = join(import.meta.dirname, "../kill/kill.ts")
const KILLS = 200
const SEED = 490
const TWELVE_MINUTES = 720_000

const run = (): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) =>
    execFile(
      process.execPath,
      [HARNESS, "--kills", String(KILLS), "--seed", String(SEED), "--json"],
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    )
  )

test(
  `${KILLS} kills amid full disks, closed directories and cut connections break no promise`,
  async () => {
    const { code, stderr, stdout } = await run()
    expect(stdout, stderr).toMatch(/^\{/)
    const report = JSON.parse(stdout)
    expect(report.violations, `kept in ${report.kept}`).toEqual([])
    expect(code, stderr).toBe(0)
    expect(report.kills).toBeGreaterThanOrEqual(KILLS)
    expect(Object.keys(report.phases)).toEqual(expect.arrayContaining(["receiver", "lab-1", "lab-2", "lab-3"]))
    // Each fault really happened.
    for (const name of FAULT_NAMES) expect(report.faults[name], name).toBeGreaterThan(0)
    for (const name of ["refused", "cutUp", "cutDown", "stalled"]) expect(report.wire[name], name).toBeGreaterThan(0)
    for (const kind of ["good", "conflict", "unpackable", "outOfWindow", "unstamped"]) {
      expect(report.episodes[kind], kind).toBeGreaterThan(0)
    }
  },
  TWELVE_MINUTES
)
