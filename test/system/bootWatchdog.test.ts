/** The service manager of a booted Debian watches the programs: what gets on is left alone, what hangs is killed and started again. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { bootLab, type ConfiguredLab, dropIn } from "../boot/lab.ts"
import { eventually } from "../boot/machine.ts"
import { bundleWith, hangingPass } from "../boot/planted.ts"
import { COMMIT } from "../support/shipperBox.ts"

const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
const WATCHED = ["WatchdogSec=10", "RestartSec=1"]
const PLANTED = "/usr/lib/cis490-shipper/hangs.cjs"
const START_PLANTED = [
  "ExecStart=",
  `ExecStart=/usr/lib/cis490-shipper/node --disable-warning=ExperimentalWarning ${PLANTED} run`
]

let lab: ConfiguredLab

beforeAll(async () => {
  lab = await bootLab({ shipper: { shipper: { scan_interval_s: 0.2, checkin_interval_s: 0 } } })
  await bundleWith(hangingPass, lab.at(PLANTED))
  await dropIn(lab, SHIPPER, WATCHED)
  await dropIn(lab, RECEIVER, WATCHED)
  await lab.print(`systemctl enable --now --quiet ${RECEIVER} ${SHIPPER}`)
}, 300_000)
afterAll(async () => lab?.halt(), 600_000)

const restarts = async (unit: string): Promise<number> => Number((await lab.unit(unit))["NRestarts"])

/** Waits for one more start than before, and gives how the watchdog put it. */
const untilKilled = async (unit: string): Promise<string> => {
  await eventually(`${unit} is started again`, async () => (await restarts(unit)) > 0, 60_000)
  await lab.untilActive(unit)
  return (await lab.log(unit, "--since=-2min")).filter((line) => /atchdog|signal/.test(line)).join("\n")
}

test("each is active from READY=1 on", async () => {
  for (const unit of [SHIPPER, RECEIVER]) {
    const { ActiveState, NRestarts, SubState } = await lab.unit(unit)
    expect({ ActiveState, NRestarts, SubState }).toEqual({ ActiveState: "active", NRestarts: "0", SubState: "running" })
  }
})

describe("what stands still is killed with SIGABRT after its 10 s and started again, and works", () => {
  const stopped = new Map<string, { readonly pid: string; readonly at: number }>()
  beforeAll(async () => {
    for (const unit of [SHIPPER, RECEIVER]) {
      const { MainPID: pid = "" } = await lab.unit(unit)
      stopped.set(unit, { pid, at: performance.now() })
      await lab.print('kill -STOP "$1"', pid)
    }
  })

  test.each([SHIPPER, RECEIVER])("%s", async (unit) => {
    const words = await untilKilled(unit)
    expect(words).toContain("Watchdog timeout (limit 10s)!")
    expect(words).toMatch(/signal SIGABRT|status=6\/ABRT/)
    expect((await lab.unit(unit))["MainPID"]).not.toBe(stopped.get(unit)?.pid)
  })

  test("an episode goes through both", async () => {
    await lab.record("01AFTER", COMMIT)
    await eventually("it is stored", () => lab.stored().includes("01AFTER.tar.zst"))
    await eventually("it is retired", () => lab.names("shipped").includes("01AFTER"))
  })
})

test("a pass that hangs is killed, however well the rest of the program is", async () => {
  await dropIn(lab, SHIPPER, [...WATCHED, ...START_PLANTED])
  await lab.print(`systemctl restart ${SHIPPER} && systemctl reset-failed ${SHIPPER}`)
  await lab.record("02HANGS", COMMIT)
  expect(await untilKilled(SHIPPER)).toContain("Watchdog timeout (limit 10s)!")
  expect(lab.names("episodes")).toContain("02HANGS")

  await dropIn(lab, SHIPPER, WATCHED)
  await lab.print(`systemctl restart ${SHIPPER}`)
  await eventually("the real shipper ships it", () => lab.names("shipped").includes("02HANGS"))
})
