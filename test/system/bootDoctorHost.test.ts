/** `cis490-shipper doctor` in a booted Debian, of the host itself: what is really wrong is found, and what it prints mends it. */
import * as fs from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CENTRAL, type Code, makeCode } from "../boot/code.ts"
import { type Doctor, makeDoctor } from "../boot/doctor.ts"
import { bootLab, type ConfiguredLab, DATA, dropIn } from "../boot/lab.ts"
import { eventually } from "../boot/machine.ts"

const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
const CONFIG = "/etc/cis490/lab-host.toml"
const QUICK = { shipper: { scan_interval_s: 0.2, backoff_seconds: [0.3], checkin_interval_s: 0 } }
const GATE = { version_gate: { enabled: true, repo_path: CENTRAL, window: 2, cache_ttl_s: 0.1 } }
const MIB = 1024 * 1024

let lab: ConfiguredLab
let doctor: Doctor
let code: Code

beforeAll(async () => {
  lab = await bootLab({ shipper: QUICK, receiver: GATE })
  code = await makeCode(lab)
  doctor = makeDoctor(lab, SHIPPER)
  await lab.print(`systemctl enable --now --quiet ${RECEIVER}; systemctl enable --now --quiet ${SHIPPER}`)
}, 600_000)
afterAll(async () => lab?.halt(), 600_000)

const stopped = async (work: () => Promise<void>): Promise<void> => {
  await lab.print(`systemctl stop ${SHIPPER}`)
  await work()
  await lab.print(`systemctl restart ${SHIPPER}`)
}

test("a host that is well is green, in words, in a pipe and as JSON", async () => {
  await lab.record("01WELL", await code.head())
  await eventually("it is shipped", () => lab.names("shipped").includes("01WELL"))
  await doctor.isAllGreen()
  const { code: status, stdout } = await lab.run(`${SHIPPER} doctor`)
  expect(status).toBe(0)
  expect(stdout).toMatch(/^green {3}config {7}\/etc\/cis490\/lab-host\.toml {6}\s*usable$/m)
  expect(stdout).toMatch(/\n\nall green: \d+ checks\n$/)
  expect(stdout).not.toContain("\u001b")
})

describe("config", () => {
  test("red: a key that is none", async () => {
    await lab.print(`sed -i 's/^\\[shipper\\]/[shipper]\\nscan_intervall = 5/' ${CONFIG}`)
    await doctor.findsAndCures("red", "config", /scan_intervall/, { edit: "/scan_intervall/d" })
  })
  test("red: a variable that is wrong", async () => {
    const cure = { prelude: "export CIS490_SHIPPER__CONCURRENCY=many" }
    await doctor.findsAndCures("red", "config", /many/, cure)
  })
})

describe("directories", () => {
  test("red: one is gone under the daemon", async () => {
    await lab.print(`rm -r ${DATA}/outbox`)
    await doctor.findsAndCures("red", "directories", /^not there: .*outbox$/)
    await lab.untilActive(SHIPPER)
  })
  test("red: one belongs to somebody else", async () => {
    await lab.print(`chown root: ${DATA}/quarantine`)
    await doctor.findsAndCures("red", "directories", /^not owned by .*quarantine$/)
  })
  test("red: a file in place of one", async () => {
    await lab.print(`systemctl stop ${SHIPPER}; rm -r ${DATA}/outbox; touch ${DATA}/outbox`)
    await doctor.findsAndCures("red", "directories", /outbox is no directory/)
    await lab.print(`systemctl start ${SHIPPER}`)
  })
  test("red: a disk of its own for one", async () => {
    await lab.print(`systemctl stop ${SHIPPER}; mount -t tmpfs -o uid=$(id -u cis490) tmpfs ${DATA}/outbox`)
    await doctor.findsAndCures("red", "directories", /^not on one filesystem/)
    await lab.print(`systemctl restart ${SHIPPER}`)
  })
})

describe("a disk that fills up", () => {
  beforeAll(() =>
    stopped(async () => {
      await lab.print(
        `mount -t tmpfs -o size=64M,nr_inodes=1000,mode=755,uid=$(id -u cis490),gid=$(id -g cis490) tmpfs ${DATA}`
      )
      lab.configureShipper({ ...QUICK, paths: { min_free_bytes: 16 * MIB } })
    })
  )
  afterAll(() =>
    stopped(async () => {
      await lab.print(`umount ${DATA}`)
      lab.configureShipper()
    })
  )
  const remove = (file: string) => async (printed: string) => {
    expect(printed).toContain(file)
    await lab.print('rm -r "$1"', file)
  }
  test.each([
    ["yellow", 40],
    ["red", 54]
  ] as const)("%s: little space", async (state, size) => {
    const hog = `${DATA}/hog`
    await lab.print('head -c "$1"M /dev/zero > "$2"', String(size), hog)
    await doctor.findsAndCures(state, "space", /the floor is 16/, { afterwards: remove(hog) })
  })
  test.each([
    ["yellow", 960],
    ["red", 982]
  ] as const)("%s: few inodes", async (state, count) => {
    const hogs = `${DATA}/hogs`
    await lab.print('mkdir "$2"; seq -f "$2/%g" "$1" | xargs touch', String(count), hogs)
    await doctor.findsAndCures(state, "inodes", /inodes? of 1000 free/, { afterwards: remove(hogs) })
  })
})

describe("episodes", () => {
  test("yellow: a name that is no episode", async () => {
    await lab.print(`touch ${DATA}/episodes/'notes of mine.txt'`)
    await doctor.findsAndCures("yellow", "names", /"notes of mine.txt"/)
  })
  test("yellow: a file that cannot be read", async () => {
    await lab.record("02CLOSED", await code.head())
    await eventually("it is shipped", () => lab.names("shipped").includes("02CLOSED"))
    await lab.print(`systemctl stop ${SHIPPER}`)
    await lab.record("03CLOSED", await code.head())
    await lab.print(`chown root: ${DATA}/episodes/03CLOSED/meta.json; chmod 600 ${DATA}/episodes/03CLOSED/meta.json`)
    await lab.print(`systemctl start ${SHIPPER}`)
    await doctor.findsAndCures("yellow", "readable", /03CLOSED\/meta.json cannot be read/)
    await eventually("it is shipped", () => lab.names("shipped").includes("03CLOSED"))
  })
  test("yellow: one that never keeps still", async () => {
    const file = `${DATA}/episodes/04RESTLESS/events.jsonl`
    // Nothing of it is stored before it keeps still.
    await lab.print(`systemctl stop ${RECEIVER}`)
    lab.write(
      "/usr/local/bin/writer",
      `#!/bin/sh\nwhile sleep 0.01; do test ! -e ${file} || date >> ${file}; done\n`,
      0o755
    )
    await lab.print("systemd-run --quiet --unit=writer /usr/local/bin/writer")
    await lab.record("04RESTLESS", await code.head())
    await doctor.findsAndCures("yellow", "changing", /04RESTLESS changed three times/, {
      afterwards: async () => void (await lab.run(`systemctl stop writer; systemctl start ${RECEIVER}`))
    })
    await eventually("it is shipped", () => lab.names("shipped").includes("04RESTLESS"))
  })
  test.each([
    ["yellow", "2 hours ago", /for 2 h/],
    ["red", "2 days ago", /for 2 d/]
  ] as const)("%s: one that waits since %s, with the daemon stopped and with it asleep", async (state, since, words) => {
    const id = `05${state.toUpperCase()}`
    await lab.print(`systemctl stop ${SHIPPER} ${RECEIVER}`)
    await lab.record(id, await code.head())
    await lab.print(`touch -d '${since}' ${DATA}/episodes/${id}/done.marker`)
    lab.configureShipper({ shipper: { ...QUICK.shipper, backoff_seconds: [3600] } })
    await lab.print(`systemctl start ${SHIPPER}`)
    await eventually("it waits for the receiver", async () =>
      /stopped:/.test((await lab.unit(SHIPPER))["StatusText"] ?? "")
    )
    await lab.print(`systemctl start ${RECEIVER}`)
    await doctor.findsAndCures(state, "backlog", words)

    await lab.print(`systemctl stop ${SHIPPER}`)
    await lab.record(`${id}2`, await code.head())
    await lab.print(`touch -d '${since}' ${DATA}/episodes/${id}2/done.marker`)
    await doctor.findsAndCures(state, "backlog", words)
    expect(fs.statSync(lab.at(`${DATA}/shipped/${id}2.receipt.json`)).uid).not.toBe(0)
    lab.configureShipper()
    await lab.print(`systemctl restart ${SHIPPER}`)
  })
})

describe("service", () => {
  test.each([
    ["red", "stopped", "systemctl stop cis490-shipper", /^stopped/],
    ["red", "stopped and not enabled", "systemctl disable --now cis490-shipper", /^stopped/],
    ["red", "masked", "systemctl mask --now cis490-shipper", /^masked/],
    ["yellow", "not enabled", "systemctl disable cis490-shipper", /not started at the next boot/]
  ] as const)("%s: %s", async (state, _, cause, words) => {
    await lab.run(cause)
    await doctor.findsAndCures(state, "service", words)
  })
  test("red: failed", async () => {
    await dropIn(lab, SHIPPER, ["Restart=no"])
    await lab.print(`systemctl restart ${SHIPPER}; systemctl kill --signal=KILL ${SHIPPER}`)
    await doctor.findsAndCures("red", "service", /^failed \(signal\)/)
    await dropIn(lab, SHIPPER, [])
  })
  test("yellow: started again by itself", async () => {
    await dropIn(lab, SHIPPER, ["RestartSec=0"])
    await lab.print(`systemctl kill --signal=KILL ${SHIPPER}`)
    await doctor.findsAndCures("yellow", "service", /started again by itself 1 time$/)
    await dropIn(lab, SHIPPER, [])
  })
})
