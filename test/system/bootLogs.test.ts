/** What the programs say in the journal of a booted Debian, and how far their units are closed. */
import { afterAll, beforeAll, expect, test } from "vitest"
import { bootLab, type ConfiguredLab, dropIn } from "../boot/lab.ts"
import { eventually } from "../boot/machine.ts"
import { COMMIT } from "../support/shipperBox.ts"

const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
/** Everything that is due now and then is due all the time. */
const RESTLESS = {
  shipper: { scan_interval_s: 0.1, checkin_interval_s: 1, backoff_seconds: [0.2] },
  retention: { quarantine_cleanup_interval_s: 1 }
}

let lab: ConfiguredLab

beforeAll(async () => {
  lab = await bootLab({ shipper: RESTLESS })
  await lab.print(`systemctl enable --now --quiet ${RECEIVER} && systemctl enable --now --quiet ${SHIPPER}`)
}, 300_000)
afterAll(async () => lab?.halt(), 600_000)

/** Its own lines; the service manager has some on each unit too. */
const own = (unit: string, ...args: ReadonlyArray<string>) => lab.log(unit, `_COMM=node-MainThread`, ...args)

/** As many passes as it takes for the STATUS line, which names the second, to change so often. */
const untilPassed = async (seconds: number): Promise<void> => {
  const seen = new Set<string | undefined>()
  await eventually(
    "passes go by",
    async () => seen.add((await lab.unit(SHIPPER))["StatusText"]).size > seconds,
    120_000
  )
}

test("a shipper with nothing to do says that it started, and nothing more, however often it looks", async () => {
  await untilPassed(10)
  expect(await own(SHIPPER)).toEqual(["started"])
  const receiver = await own(RECEIVER)
  expect(receiver.filter((line) => !/^(?:the version gate is off|listening)/.test(line))).toEqual([])
})

test("what is shipped is one line on each side; `-p err` shows none of it", async () => {
  await lab.record("01FINE", COMMIT)
  await eventually("it is shipped", () => lab.names("shipped").includes("01FINE"))
  expect((await own(SHIPPER)).slice(1)).toEqual([
    expect.stringMatching(/^shipped episode=01FINE status=stored bytes=\d+$/)
  ])
  expect((await own(RECEIVER)).slice(2)).toEqual([expect.stringMatching(/^stored host=lab-01 episode=01FINE /)])
  for (const unit of [SHIPPER, RECEIVER]) expect(await lab.log(unit, "--priority=err")).toEqual([])
})

test("`-p err` shows just what needs a person: an outage once, and each refused episode, with its level taken off", async () => {
  await lab.print(`systemctl stop ${RECEIVER}`)
  await lab.record("02BROKEN", COMMIT, `printf '{' > /var/lib/cis490/data/episodes/02BROKEN/meta.json`)
  await untilPassed(4)
  lab.configureReceiver({ version_gate: { enabled: true, repo_path: "/opt/cis490" } })
  await lab.print(
    `git init --quiet /opt/cis490 && git -C /opt/cis490 -c user.name=lab -c user.email=lab@example.org commit --quiet --allow-empty -m one`
  )
  await lab.print("git config --system --add safe.directory /opt/cis490; git -C /opt/cis490 branch -M main")
  await lab.print(`systemctl start ${RECEIVER}`)
  await eventually("it is refused", () => lab.names("quarantine").includes("02BROKEN"))

  const errors = await lab.log(SHIPPER, "--priority=err")
  expect(errors.filter((line) => line.startsWith("nothing is being shipped: "))).toHaveLength(1)
  expect(errors.filter((line) => line.startsWith("quarantined: "))).toEqual([
    expect.stringMatching(/ episode=02BROKEN status=400 reason=bad_request/)
  ])
  expect(errors).toHaveLength(2)
  expect((await own(SHIPPER)).filter((line) => /<\d>/.test(line))).toEqual([])
})

test.each([SHIPPER, RECEIVER])("systemd-analyze finds %s closed: an exposure of 2.0 at most", async (unit) => {
  await dropIn(lab, unit, [])
  const { stdout } = await lab.run('systemd-analyze security --no-pager "$1"', `${unit}.service`)
  const score = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]
  expect(Number(score)).toBeLessThanOrEqual(2)
})
