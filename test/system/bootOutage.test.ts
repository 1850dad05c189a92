/** Under the service manager of a booted Debian: long waits, no service manager to tell, and a stop in the middle of an upload. */
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { bootLab, type ConfiguredLab, DATA, dropIn, STORE } from "../boot/lab.ts"
import { eventually } from "../boot/machine.ts"
import { COMMIT } from "../support/shipperBox.ts"

const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
const QUICK = { shipper: { scan_interval_s: 0.2, checkin_interval_s: 0 } }

let lab: ConfiguredLab

beforeAll(async () => {
  lab = await bootLab({ shipper: QUICK })
  await lab.print(`systemctl enable --now --quiet ${RECEIVER} ${SHIPPER}`)
}, 300_000)
afterAll(async () => lab?.halt(), 600_000)

/** When the unit's STATUS line says that the last pass ended. */
const passedAt = async (): Promise<number> => Date.parse((await lab.unit(SHIPPER))["StatusText"]?.split(" ")[0] ?? "")

test("an outage with waits far longer than the watchdog's patience kills nothing", async () => {
  lab.configureShipper({ shipper: { ...QUICK.shipper, backoff_seconds: [16] } })
  await dropIn(lab, SHIPPER, ["WatchdogSec=6"])
  await lab.print(`systemctl stop ${RECEIVER} && systemctl restart ${SHIPPER}`)
  await lab.record("01OUTAGE", COMMIT)
  const { MainPID: pid } = await lab.unit(SHIPPER)

  const waits: Array<number> = []
  let last = await passedAt()
  await eventually(
    "two waits of 8 s at least",
    async () => {
      const at = await passedAt()
      if (at !== last) waits.push((at - last) / 1000)
      last = at
      return waits.filter((wait) => wait >= 8).length >= 2
    },
    200_000
  )
  expect(await lab.unit(SHIPPER)).toMatchObject({ MainPID: pid, NRestarts: "0", ActiveState: "active" })

  await lab.print(`systemctl start ${RECEIVER}`)
  await eventually("it is shipped", () => lab.names("shipped").includes("01OUTAGE"), 60_000)
})

test("a notify socket that vanished is said once and does not stop shipping; once it is back, it is used again", async () => {
  lab.configureShipper()
  // A beat is due every quarter of a second, and the manager does not mind when none comes.
  await dropIn(lab, SHIPPER, [
    "WatchdogSec=0",
    "Environment=NOTIFY_SOCKET=/run/told/socket WATCHDOG_USEC=1000000",
    "ExecStartPre=+install -d -m 755 /run/told",
    "ExecStartPre=+ln -sf /run/systemd/notify /run/told/socket"
  ])
  await lab.print(`systemctl restart ${SHIPPER}`)
  const cannot = async () =>
    (await lab.log(SHIPPER)).filter((line) => line.startsWith("the service manager cannot be told"))
  const status = async () => (await lab.unit(SHIPPER))["StatusText"]

  await lab.print("rm /run/told/socket")
  await eventually("it is said", async () => (await cannot()).length > 0)
  const before = await status()
  await lab.record("02UNTOLD", COMMIT)
  await eventually("it is shipped", () => lab.names("shipped").includes("02UNTOLD"))
  expect(await cannot()).toHaveLength(1)
  expect(await status()).toBe(before)

  await lab.print("ln -s /run/systemd/notify /run/told/socket")
  await eventually("the manager hears of it again", async () => (await status()) !== before)
  expect(await lab.unit(SHIPPER)).toMatchObject({ NRestarts: "0", ActiveState: "active" })
})

test("SIGTERM in the middle of a large upload ends it within 10 s, and the next start ships it once", async () => {
  lab.configureShipper()
  await dropIn(lab, SHIPPER, [])
  await lab.print(`systemctl restart ${SHIPPER}`)
  await lab.record(
    "03LARGE",
    COMMIT,
    `head -c ${256 * 1024 * 1024} /dev/urandom > ${DATA}/episodes/03LARGE/capture.bin`
  )
  const incoming = lab.at("/var/lib/cis490-receiver/incoming")
  const arrived = (): number =>
    Math.max(
      0,
      ...fs
        .readdirSync(incoming, { recursive: true, encoding: "utf8" })
        .map((name) => fs.statSync(`${incoming}/${name}`, { throwIfNoEntry: false })?.size ?? 0)
    )
  const { MainPID: receiver = "" } = await lab.unit(RECEIVER)
  await eventually("a part of it has arrived", () => arrived() > 1024 * 1024, 60_000)
  // Nothing more is taken in: the upload is under way for as long as it takes.
  await lab.print('kill -STOP "$1"', receiver)
  expect(lab.names("shipped")).not.toContain("03LARGE")

  const began = performance.now()
  await lab.print(`systemctl stop ${SHIPPER}`)
  expect(performance.now() - began).toBeLessThan(10_000)
  expect(lab.names("episodes")).toContain("03LARGE")
  expect((await lab.log(SHIPPER, "--lines=5")).join("\n")).toContain("Deactivated successfully")

  await lab.print('kill -CONT "$1"; systemctl start "$2"', receiver, SHIPPER)
  await eventually("it is shipped", () => lab.names("shipped").includes("03LARGE"), 120_000)
  expect(lab.stored().filter((name) => name.startsWith("03LARGE"))).toEqual(["03LARGE.tar.zst"])
  const rows = lab
    .read(`${STORE}/../index.jsonl`)
    .split("\n")
    .filter((line) => line.includes("03LARGE"))
  expect(rows).toHaveLength(1)
})
