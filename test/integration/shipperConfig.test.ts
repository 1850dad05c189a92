import { writeFileSync } from "node:fs"
import { expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, makeBox, startProgram } from "../support/shipperBox.ts"

const SECRET = "hunter2-hunter2"
const base = (more: string) =>
  `host_id = "lab-1"\n[receiver]\nurl = "http://127.0.0.1:1"\nbearer_token = "${SECRET}"\n${more}\n`

test.each([
  ["an unknown key", base("ulr = 1"), /receiver\.ulr/],
  ["an unknown key at the top", `hostid = "x"\n${base("")}`, /hostid/],
  ["a wrong type", base("[shipper]\nconcurrency = '4'"), /shipper\.concurrency/],
  ["a value out of range", base("[shipper]\ncompression_level = 20"), /shipper\.compression_level/],
  ["a fraction", base("[shipper]\nconcurrency = 1.5"), /shipper\.concurrency/],
  ["a host_id that is none", base("").replace("lab-1", "-lab"), /host_id/],
  ["no host_id", base("").replace(/host_id.*\n/, ""), /host_id/],
  ["no receiver.url", 'host_id = "lab-1"', /receiver\.url/],
  ["a URL that is none", base("").replace("http://127.0.0.1:1", "collector.wg"), /receiver\.url/],
  ["a scalar for a table", "shipper = 3\n" + base(""), /shipper/],
  ["an empty backoff", base("[shipper]\nbackoff_seconds = []"), /shipper\.backoff_seconds/],
  ["a negative interval", base("[shipper]\nscan_interval_s = -1"), /shipper\.scan_interval_s/],
  ["a token with a space", base("").replace(SECRET, `${SECRET} x`), /receiver\.bearer_token/],
  ["a certificate without its key", base('client_cert = "/x.pem"'), /client_key/],
  ["no TOML", base("this is not toml"), /line 5|:5/]
])("configuration with %s: says the file and the key, never a secret, exit 2", async (_, text, key) => {
  using box = makeBox("http://127.0.0.1:1")
  writeFileSync(box.configFile, text)
  const ran = await box.run(["status"])
  expect([ran.code, ran.stdout]).toEqual([2, ""])
  expect(ran.stderr).toContain(box.configFile)
  expect(ran.stderr).toMatch(key)
  expect(ran.stderr).not.toContain(SECRET)
  expect(ran.stderr).not.toMatch(/^\s+at .*\.ts:\d+/m)
})

test("a missing configuration file: says which, exit 2", async () => {
  const ran = await startProgram(["once", "--config", "/nonexistent/lab-host.toml"]).ended
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining("/nonexistent/lab-host.toml")])
})

test("--config before the command or behind it; other programs' tables are one warning; environment wins over the file", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox("http://127.0.0.1:1")
  box.configure({}, 'host_id = "lab-1"')
  writeFileSync(box.configFile, `${box.text("../lab-host.toml")}\n[orchestrator]\nx = 1\n[vm]\ny = 2\n`)
  box.episode("E1")
  const env = {
    CIS490_RECEIVER__URL: receiver.url,
    CIS490_HOST_ID: "lab-2",
    CIS490_SHIPPER__BACKOFF_SECONDS: "[1, 2]",
    CIS490_SHIPPER__CONCURRENCY: "2",
    CIS490_OTHER: "ignored",
    CIS490_SHIPPER__NONSENSE: "ignored"
  }
  const ran = await startProgram(["--config", box.configFile, "once", "--json"], { env }).ended
  expect([ran.code, JSON.parse(ran.stdout)], ran.stderr).toEqual([0, counts({ scanned: 1, shipped: 1 })])
  expect(receiver.last("PUT").path).toBe("/v1/episodes/lab-2/E1")
  const warnings = ran.stderr.split("\n").filter((line) => line.includes("orchestrator") || line.includes("vm"))
  expect(warnings).toHaveLength(1)
  const bad = await box.run(["once"], { env: { CIS490_SHIPPER__CONCURRENCY: "many" } })
  expect([bad.code, bad.stderr]).toEqual([2, expect.stringMatching(/CIS490_SHIPPER__CONCURRENCY|shipper\.concurrency/)])
})

test("usage errors exit 2; --help and --version exit 0", async () => {
  using box = makeBox("http://127.0.0.1:1")
  const exits: ReadonlyArray<readonly [ReadonlyArray<string>, number]> = [
    [["nonsense"], 2],
    [["once", "--nonsense"], 2],
    [["--help"], 0],
    [["--version"], 0]
  ]
  for (const [args, code] of exits) expect([args, (await startProgram(args).ended).code]).toEqual([args, code])
  expect((await startProgram([]).ended).code).toBe(2)
  expect(box.names("episodes")).toEqual([])
})

test("every command that the contract names exists", async () => {
  const { stdout } = await startProgram(["--help"]).ended
  for (const command of [
    "run",
    "ping",
    "once",
    "status",
    "drain",
    "retry",
    "resolve",
    "requeue",
    "reship",
    "quarantine"
  ]) {
    expect(stdout).toMatch(new RegExp(`^ +${command} `, "m"))
  }
})

test("`~` is expanded in paths", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.configure({ paths: { data_root: "~/data" } })
  box.episode("E1")
  const ran = await box.run(["once", "--json"], { env: { HOME: box.home } })
  expect([ran.code, JSON.parse(ran.stdout)], ran.stderr).toEqual([0, counts({ scanned: 1, shipped: 1 })])
})
