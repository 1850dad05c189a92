import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { refuses, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, DAY, makeBox, untilRunning } from "../support/shipperBox.ts"

const linesWith = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part))
const makeDeep = (directory: string) =>
  execFileSync("python3", [
    "-c",
    `import os,sys
os.chdir(sys.argv[1])
for i in range(60):
    os.mkdir("d"*100); os.chdir("d"*100)
open("x","w").close()`,
    directory
  ])

test("sweep: what cannot be removed is said once and holds up no neighbour", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("outbox/A", { x: "" })
  makeDeep(box.path("outbox/A"))
  box.put("outbox", { "B.tar.zst": "x" })
  box.configure({ shipper: { scan_interval_s: 0.1 } })
  await using daemon = box.daemon()
  await new Promise((resolve) => setTimeout(resolve, 5500))
  expect([linesWith(daemon.stderr(), "sweep").length, box.names("outbox")]).toEqual([1, ["A"]])
})

test("prune for space flood", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { shipper: { checkin_interval_s: 0 } })
  for (let i = 0; i < 20; i++) box.episode(`E${i}`)
  await box.once()
  for (const [path, row] of receiver.stored) receiver.stored.set(path, { ...row, content: "b".repeat(64) })
  box.configure({
    paths: { min_free_bytes: 2 ** 50 },
    shipper: { scan_interval_s: 0.1 },
    retention: { keep_local_for_days: 7, quarantine_cleanup_interval_s: 1 }
  })
  await using daemon = box.daemon()
  await new Promise((resolve) => setTimeout(resolve, 5500))
  const heads = receiver.heard.filter((one) => one.method === "HEAD").length
  expect([linesWith(daemon.stderr(), "other content").length, heads]).toEqual([20, 20])
})

test("read-only top", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  fs.chmodSync(box.path("episodes/E1"), 0o555)
  execFileSync("chown", ["-R", "1000:1000", box.home])
  execFileSync("chmod", ["755", box.home])
  const under = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
  const ran = await box.once({ under })
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("read-only below: pruning", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "ro/file": "x" })
  box.episode("E2")
  fs.chmodSync(box.path("episodes/E1/ro"), 0o555)
  execFileSync("chown", ["-R", "1000:1000", box.home])
  execFileSync("chmod", ["755", box.home])
  const under = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
  await box.once({ under })
  expect(box.names("shipped").length).toBe(4)
  fs.rmSync(box.path("state/calendar.json"))
  box.configure({ retention: { keep_local_for_days: 7, quarantine_cleanup_interval_s: 0 } })
  fs.chownSync(box.configFile, 1000, 1000)
  const a = await box.once({ under, ahead: 8 * DAY })
  const b = await box.once({ under, ahead: 8 * DAY })
  expect(box.names("shipped"), a.stderr + b.stderr).toEqual([])
})

test("SIGTERM mid-pack leaves no partial, ends 0", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { shipper: { compression_level: 19 } })
  box.episode("E1", { "big.bin": randomBytes(150 * 1024 * 1024) })
  const daemon = box.daemon()
  await untilRunning(daemon, () => box.exists("outbox/E1.tar.zst.partial"))
  const t = performance.now()
  const ran = await daemon.stop("SIGTERM")
  expect([ran.code, box.names("outbox"), box.names("episodes"), performance.now() - t < 5000]).toEqual([
    0,
    [],
    ["E1"],
    true
  ])
})

test("done.marker as a directory", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/E1/done.marker", { x: "" })
  const ran = await box.once()
  expect([ran.counts, receiver.sent(), box.names("quarantine")]).toEqual([counts({}), [], []])
})

test("operator removes outbox between: a large tarball that is gone is the host's trouble", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "big.bin": randomBytes(3 * 1024 * 1024) })
  box.episode("E2")
  fs.mkdirSync(box.path("outbox"), { recursive: true })
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: 2, shipped: 2 }))
})

test("state/suspect a directory", async () => {
  await using receiver = await startFakeReceiver(() => refuses(422, "digest mismatch: body"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  await box.once()
  fs.mkdirSync(box.path("state/suspect/x"), { recursive: true })
  const ran = await box.run(["once", "--json"])
  expect(ran.stdout, ran.stderr).not.toBe("")
})

test("64 MiB markers", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  const line = (i: number) => `${"0".repeat(64)}  f${i}\n`
  const marker = Array.from({ length: 880_000 }, (_, i) => line(i))
    .join("")
    .slice(0, 64 * 1024 * 1024 - 100)
  const whole = marker.slice(0, marker.lastIndexOf("\n") + 1)
  for (const id of ["E1", "E2", "E3", "E4"]) box.episode(id, { "done.marker": whole })
  const out = join(box.home, "time")
  const ran = await box.once({
    under: [
      "/usr/bin/env",
      "python3",
      "-c",
      `import resource,subprocess,sys
r=subprocess.call(sys.argv[1:])
open("${out}","w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(r)`
    ]
  })
  expect([ran.counts, Number(fs.readFileSync(out, "utf8")) / 1024]).toEqual([counts({ scanned: 4, fatal: 4 }), 0])
}, 120_000)

test("hold conflicts with no outbox room etc: tarballs at most 2x", async () => {
  await using receiver = await startFakeReceiver(() =>
    refuses(503, "unknown", { type: "urn:cis490:problem:commit-unknown" })
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 2 } })
  for (let i = 0; i < 30; i++) box.episode(`E${i}`)
  await box.once()
  await box.once()
  expect(box.names("outbox").length).toBeLessThanOrEqual(4)
})
