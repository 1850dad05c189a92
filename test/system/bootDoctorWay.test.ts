/** `cis490-shipper doctor` in a booted Debian, of the way to the receiver and what came of it: found, and mended by what it prints. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CENTRAL, CHECKOUT, type Code, makeCode } from "../boot/code.ts"
import { type Doctor, makeDoctor } from "../boot/doctor.ts"
import { bootLab, type ConfiguredLab, DATA, TOKEN } from "../boot/lab.ts"
import { eventually } from "../boot/machine.ts"

const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
const CONFIG = "/etc/cis490/lab-host.toml"
const QUICK = { shipper: { scan_interval_s: 0.2, backoff_seconds: [0.3], checkin_interval_s: 0 } }
const gate = (window: number) => ({ version_gate: { enabled: true, repo_path: CENTRAL, window, cache_ttl_s: 0.1 } })

let lab: ConfiguredLab
let doctor: Doctor
let code: Code

beforeAll(async () => {
  lab = await bootLab({ shipper: QUICK, receiver: gate(2) })
  code = await makeCode(lab)
  doctor = makeDoctor(lab, SHIPPER)
  await lab.print(`systemctl enable --now --quiet ${RECEIVER}; systemctl enable --now --quiet ${SHIPPER}`)
}, 600_000)
afterAll(async () => lab?.halt(), 600_000)

describe("receiver", () => {
  test("red: nobody answers", async () => {
    await lab.print(`systemctl stop ${RECEIVER}`)
    await doctor.findsAndCures("red", "receiver", /^not reached: .*refused/)
  })
  test("red: a wrong token", async () => {
    await lab.print(`sed -i 's/${TOKEN}/wrong/' ${CONFIG}`)
    await doctor.findsAndCures("red", "receiver", /status 401/, { edit: `s/wrong/${TOKEN}/` })
  })
  test("red: another host's token", async () => {
    await lab.print(`sed -i 's/^host_id = .*/host_id = "lab-02"/' ${CONFIG}`)
    await doctor.findsAndCures("red", "receiver", /status 403/, { edit: 's/"lab-02"/"lab-01"/' })
  })
  test("red: a wrong address", async () => {
    await lab.print(`sed -i 's/:8490/:8490\\/elsewhere/' ${CONFIG}`)
    await doctor.findsAndCures("red", "receiver", /status 404/, { edit: "s/.elsewhere//" })
  })
  test("red: a name that nobody knows", async () => {
    await lab.print(`sed -i 's/127.0.0.1:8490/nowhere.invalid:8490/' ${CONFIG}`)
    await doctor.findsAndCures("red", "receiver", /nowhere.invalid/, { edit: "s/nowhere.invalid/127.0.0.1/" })
  })
})

describe("this host's code", () => {
  test("yellow: nobody knows which it is", async () => {
    lab.configureShipper({ ...QUICK, code: { repo_path: "/opt/nothing" } })
    await doctor.findsAndCures("yellow", "commit", /no commit at \/opt\/nothing/, {
      edit: `s#/opt/nothing#${CHECKOUT}#`
    })
    lab.configureShipper()
  })
  test("red: older than the window, and so were episodes, which the journal says", async () => {
    const old = await code.head()
    await code.push(3)
    const commit = await doctor.finds("red", "commit", /is not in the window/)
    await lab.record("06OLD", old)
    const journal = await doctor.finds("red", "journal", /^1 ship\(s\) rejected as out-of-window$/)
    expect(commit.mend).toBe(journal.mend)
    await doctor.cures(journal)
    await doctor.isAllGreen("quarantine")
    expect(await code.head()).not.toBe(old)
    await doctor.findsAndCures("yellow", "quarantine", /1 entry/)
  })
})

describe("the clock", () => {
  const SKEW = "/var/lib/systemd/timesync/skew"
  // The library makes the program's clock; the service that keeps time puts it right.
  const skewed = `export LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1) FAKETIME_TIMESTAMP_FILE=${SKEW} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1`
  beforeAll(async () => {
    lab.write(
      "/etc/systemd/system/systemd-timesyncd.service.d/test.conf",
      `[Unit]\nConditionVirtualization=\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nRestart=no\nUser=root\nDynamicUser=no\nExecStart=\nExecStart=/bin/sh -c 'echo +0 > ${SKEW}'\nWatchdogSec=0\n`
    )
    await lab.print("systemctl daemon-reload")
  })
  test.each([
    ["yellow", "-90", / behind the receiver's$/],
    ["yellow", "+90", / ahead of the receiver's$/],
    ["red", "-400", / behind the receiver's$/]
  ] as const)("%s: %s s", async (state, skew, words) => {
    lab.write(SKEW, `${skew}s\n`)
    const row = await doctor.finds(state, "clock", words, undefined, skewed)
    await doctor.follow(row)
    await doctor.finds("green", "clock", /^within/, undefined, skewed)
  })
})

describe("the journal", () => {
  test("green: empty", async () => {
    await lab.print(`systemctl stop ${SHIPPER}; journalctl --rotate --quiet; journalctl --vacuum-time=1us --quiet`)
    await doctor.finds("green", "journal", /^nothing was logged$/)
    await lab.print(`systemctl start ${SHIPPER}`)
    await doctor.finds("green", "journal", /line\(s\), nothing wrong$/)
  })
  test("yellow: what is tried again", async () => {
    await lab.print(`systemctl stop ${RECEIVER}`)
    await lab.record("10LATER", await code.head())
    const row = await doctor.finds("yellow", "journal", /transient failure/)
    await lab.print(`systemctl start ${RECEIVER}`)
    await doctor.cures(row)
  })
  test("red: a bad request; and what is out of the window comes before it", async () => {
    const old = await code.head()
    await lab.record("11UNSTAMPED", "")
    const bad = await doctor.finds("red", "journal", /^1 ship\(s\) rejected as bad requests/)
    await code.push(3)
    await doctor.finds("red", "commit", /is not in the window/)
    await lab.record("12OLD", old)
    const both = await doctor.finds("red", "journal", /^1 ship\(s\) rejected as out-of-window, and 1 as bad requests$/)
    expect(both.mend).toMatch(/git pull/)
    expect(bad.mend).toMatch(/^sudo cis490-shipper drain/)
    await doctor.cures(both)
    await lab.record("13UNSTAMPED", "")
    await doctor.findsAndCures("red", "journal", /^1 ship\(s\) rejected as bad requests/)
    await doctor.findsAndCures("yellow", "quarantine", /entr/)
  })
  test("yellow: somebody who may not read it, until the mend and the next login", async () => {
    await lab.print(
      "useradd --create-home --shell /bin/bash pat && echo 'pat ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/pat"
    )
    const asPat = async () => {
      const { stdout } = await lab.run("runuser --login pat --command 'cis490-shipper doctor --json'")
      const rows: ReadonlyArray<{ check: string; state: string; found: string; mend: string }> = JSON.parse(stdout)
      return rows.find(({ check }) => check === "journal")
    }
    const row = await asPat()
    expect(row).toMatchObject({ state: "yellow", found: expect.stringMatching(/may not read the journal/) })
    await lab.print(`runuser --login pat --command "$1"`, row?.mend ?? "false")
    expect(await asPat()).toMatchObject({ state: "green" })
  })
})

describe("quarantine and conflicts", () => {
  test("yellow, then green once seen, then red before it is deleted; taken again, it is shipped", async () => {
    lab.configureReceiver({ ...gate(100), limits: { max_episode_bytes: 100 } })
    await lab.print(`systemctl restart ${RECEIVER}`)
    await lab.record("20LARGE", await code.head())
    const row = await doctor.finds("yellow", "quarantine", /^1 entry/)
    expect(row.target).toBe("too_large")
    await lab.print(`${SHIPPER} quarantine ack 20LARGE`)
    await doctor.finds("green", "quarantine", /\(acknowledged\)$/)
    const directory = `${DATA}/quarantine/20LARGE`
    await lab.print(
      `sed -i -E 's/("quarantined_at_wall": *")[^"]+/\\1'"$(date -u -d '25 days ago' +%FT%TZ)"'/' ${directory}/quarantine_reason.json; touch -d '25 days ago' ${directory}`
    )
    const near = await doctor.finds("red", "quarantine", /will be deleted in 4 d/)
    lab.configureReceiver(gate(100))
    await lab.print(`systemctl restart ${RECEIVER}`)
    await doctor.cures(near)
    await eventually("it is shipped", () => lab.names("shipped").includes("20LARGE"))
  })
  test("red: other content stands under an id", async () => {
    await lab.record("21TWICE", await code.head())
    await eventually("it is shipped", () => lab.names("shipped").includes("21TWICE"))
    await lab.record("21TWICE", await code.head(), `echo other > ${DATA}/episodes/21TWICE/events.jsonl`)
    await doctor.findsAndCures("red", "conflicts", /21TWICE/)
    await doctor.findsAndCures("yellow", "quarantine", /1 entry/)
  })
})

describe("TLS", () => {
  const PKI = "/var/lib/cis490-receiver/pki"
  const carry = `install -o cis490 -g cis490 -m 600 -t /etc/cis490 ${PKI}/hosts/lab-01/*.pem ${PKI}/hosts/lab-01/client.key`
  const files = {
    ca_bundle: "/etc/cis490/ca.pem",
    client_cert: "/etc/cis490/client.pem",
    client_key: "/etc/cis490/client.key"
  }

  beforeAll(async () => {
    await lab.print(`
      faketime '-100 days' ${RECEIVER} pki init
      ${RECEIVER} pki issue --server localhost --server 127.0.0.1
      ${RECEIVER} pki issue lab-01
      ${carry}
    `)
    const server = `${PKI}/servers/localhost`
    lab.configureReceiver({
      ...gate(100),
      tls: { cert: `${server}/server.pem`, key: `${server}/server.key`, client_ca: `${PKI}/ca.pem` }
    })
    lab.configureShipper({ ...QUICK, receiver: { url: "https://localhost:8490", ...files } })
    await lab.print(`systemctl restart ${RECEIVER} ${SHIPPER}`)
  })

  test("green: what our own authority issued", async () => {
    await lab.record("30TLS", await code.head())
    await eventually("it is shipped", () => lab.names("shipped").includes("30TLS"))
    await doctor.isAllGreen("quarantine")
  })
  test.each([
    ["yellow", "--days 10", /^expires in (9|10) d/],
    ["red", "--days 1", /^expires in (23 h|1 d)/],
    ["red", "--days 20", /^expired/]
  ] as const)("%s: a certificate of %s", async (state, days, words) => {
    const faked = state === "red" && days === "--days 20" ? "faketime '-30 days'" : ""
    await lab.print(`${faked} ${RECEIVER} pki issue lab-01 ${days} && ${carry}`)
    const row = await doctor.finds(state, "tls", words, files.client_cert)
    expect(row.mend).toMatch(/^sudo cis490-receiver pki issue lab-01 {2}# on localhost/)
    await doctor.cures(row, { afterwards: async () => void (await lab.print(carry)) })
    await doctor.isAllGreen("quarantine", "journal")
  })
  test("red: a key of another certificate; a file that is not there", async () => {
    await lab.print(
      `cp ${files.client_key} /var/tmp/kept && openssl genpkey -algorithm ed25519 -out ${files.client_key}`
    )
    await doctor.finds("red", "tls", /belongs to another certificate/)
    await lab.print(`mv ${files.client_key} /var/tmp/other`)
    await doctor.finds("red", "tls", /^not there$/)
    await lab.print(`mv /var/tmp/kept ${files.client_key}; chown cis490: ${files.client_key}`)
    await doctor.finds("green", "tls", /^belongs to/)
  })
})

test("a bundle has what a maintainer would ask for, and no secret", async () => {
  await lab.print(`${SHIPPER} doctor --bundle /var/tmp/bundle.tar.zst || test $? = 1; mkdir /var/tmp/bundle`)
  await lab.print("tar --zstd -C /var/tmp/bundle -xf /var/tmp/bundle.tar.zst")
  const files = (await lab.print("cd /var/tmp/bundle && find . -type f | sort")).split("\n")
  for (const name of [
    "config.json",
    "doctor.json",
    "journal.txt",
    "listing.txt",
    "service.json",
    "status.json",
    "versions.txt"
  ]) {
    expect(files).toContain(`./cis490-shipper-doctor/${name}`)
  }
  expect(await lab.print("cat /var/tmp/bundle/*/journal.txt")).toMatch(/started/)
  expect(await lab.print("cat /var/tmp/bundle/*/service.json")).toMatch(/"active": "active"/)
  const { stdout } = await lab.run(`grep -rlE -e "$1" -e 'PRIVATE KEY' /var/tmp/bundle || true`, TOKEN)
  expect(stdout).toBe("")
  expect((await lab.print("stat -c %a /var/tmp/bundle.tar.zst")).trim()).toBe("600")
})
