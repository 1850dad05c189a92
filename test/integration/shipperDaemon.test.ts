import { randomBytes } from "node:crypto"
import { renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { listenForDatagrams } from "../support/datagrams.ts"
import { proxySays, refuses, type Script, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, counts, makeBox, untilRunning } from "../support/shipperBox.ts"
import { sha256Of } from "../support/wire.ts"

/** A stand-in for systemd, below the box. */
const manage = (box: Box, watchdogUsec = 400_000) => {
  const address = join(box.home, "notify")
  const socket = listenForDatagrams(address)
  const said: Array<string> = []
  const take = (): ReadonlyArray<string> => {
    for (let next = socket.take(); next !== undefined; next = socket.take()) said.push(next)
    return said
  }
  return {
    env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: String(watchdogUsec) },
    said: take,
    beats: () => take().filter((text) => text.includes("WATCHDOG=1")).length,
    [Symbol.dispose]: socket.close
  }
}

test("run ships an episode that appears later, says READY and STATUS and STOPPING, and ends with 0 on SIGTERM", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  using manager = manage(box)
  await using daemon = box.daemon({ env: manager.env })
  await untilRunning(daemon, () => manager.said().some((text) => text.startsWith("READY=1")))
  box.put("episodes/E1", { "meta.json": "{}" })
  await untilRunning(daemon, () => manager.beats() > 2)
  expect(receiver.heard).toEqual([])
  writeFileSync(box.path("episodes/E1/done.marker"), "")
  await untilRunning(daemon, () => box.exists("shipped/E1"))
  const ran = await daemon.stop("SIGTERM")
  expect([ran.code, ran.signal], ran.stderr).toEqual([0, null])
  expect(manager.said().some((text) => /STATUS=.+/.test(text))).toBe(true)
  expect(manager.said().filter((text) => text.startsWith("STOPPING=1"))).toHaveLength(1)
  expect(box.names("outbox")).toEqual([])
})

test("SIGINT ends it the same way", async () => {
  using box = makeBox("http://127.0.0.1:1")
  using manager = manage(box)
  await using daemon = box.daemon({ env: manager.env })
  await untilRunning(daemon, () => manager.said().some((text) => text.startsWith("READY=1")))
  expect((await daemon.stop("SIGINT")).code).toBe(0)
})

const IN_ONE_PIECE = { shipper: { resume_above_bytes: 1e9 } }

test("SIGTERM in mid-upload to a receiver that stands still: exit 0, everything left for the next start", async () => {
  let takes = false
  await using receiver = await startFakeReceiver(
    () => "good",
    () => takes
  )
  using box = makeBox(receiver.url, IN_ONE_PIECE)
  box.episode("E1", { "big.bin": randomBytes(16 * 1024 * 1024) })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.waiting.length > 0)
  const before = Date.now()
  const ran = await daemon.stop("SIGTERM")
  expect([ran.code, ran.signal], ran.stderr).toEqual([0, null])
  expect(Date.now() - before).toBeLessThan(10_000)
  expect(box.names("episodes/E1")).toContain("big.bin")
  takes = true
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("SIGKILL in mid-upload: the next start ships the same content once", async () => {
  let takes = false
  await using receiver = await startFakeReceiver(
    () => "good",
    () => takes
  )
  using box = makeBox(receiver.url, IN_ONE_PIECE)
  box.episode("E1", { "big.bin": randomBytes(16 * 1024 * 1024) })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.waiting.length > 0)
  await daemon.stop("SIGKILL")
  takes = true
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(receiver.stored.size).toBe(1)
})

test.each([
  ["SIGTERM", "small", 10],
  ["SIGKILL", "large", 2 * 1024 * 1024]
] as const)("%s in mid-upload: the tarball of a %s episode is used again", async (signal, _, bytes) => {
  let takes = false
  await using receiver = await startFakeReceiver(
    () => refuses(503, "cannot store"),
    () => takes
  )
  using box = makeBox(receiver.url, IN_ONE_PIECE)
  box.episode("E1", { "telemetry-proc.jsonl": randomBytes(bytes) })
  const packedAt = () => statSync(box.path("outbox/E1.tar.zst")).ino
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.waiting.length > 0)
  const before = packedAt()
  await daemon.stop(signal)
  takes = true
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, transient_failures: 1 }))
  expect(packedAt()).toBe(before)
})

test("WATCHDOG=1 means progress: none while a request stands still, whatever the clock says", async () => {
  await using receiver = await startFakeReceiver(
    () => "good",
    () => false
  )
  using box = makeBox(receiver.url)
  using manager = manage(box, 200_000)
  box.episode("E1", { "big.bin": randomBytes(16 * 1024 * 1024) })
  await using daemon = box.daemon({ env: manager.env })
  await untilRunning(daemon, () => receiver.waiting.length > 0)
  await box.run(["status"])
  const before = manager.beats()
  await box.run(["status"])
  await box.run(["status"])
  expect(manager.beats()).toBe(before)
  expect(daemon.over()).toBe(false)
})

test.each([
  ["backs off", {}, [1e6]],
  ["obeys Retry-After", { "retry-after": "3600" }, [0.001]]
])("a daemon that is refused %s: no further call, and SIGTERM ends the wait", async (_, headers, backoff) => {
  await using receiver = await startFakeReceiver(() => refuses(503, "cannot store", {}, headers))
  using box = makeBox(receiver.url)
  box.configure({ shipper: { concurrency: 1, backoff_seconds: backoff } })
  for (let i = 0; i < 20; i++) box.episode(`E${i}`)
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.heard.length > 0)
  await box.run(["status"])
  await box.run(["status"])
  expect(receiver.heard).toHaveLength(1)
  expect((await daemon.stop("SIGTERM")).code).toBe(0)
})

test("a receiver that comes back is used, and what waited is shipped", async () => {
  let open = false
  await using receiver = await startFakeReceiver(() => (open ? "good" : "cut"))
  using box = makeBox(receiver.url)
  for (const id of ["E1", "E2", "E3", "E4", "E5"]) box.episode(id)
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.heard.length > 6)
  open = true
  await untilRunning(daemon, () => box.names("episodes").length === 0)
  expect(box.names("shipped").filter((name) => !name.endsWith(".json"))).toHaveLength(5)
  expect(box.names("quarantine")).toEqual([])
})

/** Every answer that is not for good; `receipt` is the one that would be. */
const notForGood = (receipt: Record<string, unknown>): ReadonlyArray<Script> => [
  "cut",
  ...[401, 403, 404, 405, 407, 408, 425, 429, 500, 501, 502, 503, 504, 507, 599].map((status) => refuses(status, "no")),
  ...[200, 201, 202, 204, 206, 300, 301, 302, 303, 304, 307, 308].map((status) =>
    proxySays(status, { location: "/x" })
  ),
  ...[400, 401, 404, 408, 409, 410, 412, 413, 418, 422, 429, 500, 503].map((status) => proxySays(status)),
  ...[202, 203, 204, 206, 302].map((status) => says(status, receipt)),
  says(201, { ...receipt, host_id: "lab-2" }),
  says(201, { ...receipt, episode_id: "E9" }),
  says(201, { ...receipt, content_sha256: "0".repeat(64) }),
  says(201, { ...receipt, content_sha256: undefined }),
  says(201, { ...receipt, status: "queued" }),
  says(200, [receipt]),
  says(200, "null"),
  says(200),
  ...[null, [], "error", { error: 1 }, { error: null }, { message: "x" }].map((body) => says(413, body)),
  says(400, '{"error": "torn'),
  says(418),
  refuses(307, "moved", {}, { location: "/v1/episodes/lab-1/E9" })
]

test("what is not for good changes nothing, whoever says it; what waited is shipped in the end", async () => {
  let said = 0
  await using receiver = await startFakeReceiver(({ body, headers, id }) => {
    const receipt = {
      status: "stored",
      host_id: "lab-1",
      episode_id: id,
      sha256: sha256Of(body),
      bytes: body.length,
      content_sha256: headers["x-cis490-content-sha256"]
    }
    return notForGood(receipt)[said++] ?? "good"
  })
  using box = makeBox(receiver.url)
  box.configure({ shipper: { concurrency: 1, backoff_seconds: [0.001], scan_interval_s: 0.001 } })
  box.episode("E1")
  box.episode("E2")
  await using daemon = box.daemon()
  await untilRunning(daemon, () => box.names("episodes").length === 0)
  expect(said).toBe(notForGood({}).length + 2)
  expect(new Set(receiver.heard.map(({ path }) => path))).toEqual(
    new Set(["/v1/episodes/lab-1/E1", "/v1/episodes/lab-1/E2"])
  )
  await daemon.stop("SIGTERM")
  expect([box.names("quarantine"), box.names("outbox")]).toEqual([[], []])
  expect(box.names("shipped")).toEqual(["E1", "E1.receipt.json", "E2", "E2.receipt.json"])
})

test("one process per data root: a second run or once exits 1 and names the pid; the operator's commands work beside it", async () => {
  await using receiver = await startFakeReceiver(({ id }) => (id === "E1" ? refuses(412, "out of window") : "good"))
  using box = makeBox(receiver.url)
  using manager = manage(box)
  await using daemon = box.daemon({ env: manager.env })
  await untilRunning(daemon, () => manager.said().some((text) => text.startsWith("READY=1")))
  for (const command of ["run", "once"]) {
    const second = await box.run([command])
    expect([command, second.code]).toEqual([command, 1])
    expect(second.stderr + second.stdout).toContain(String(daemon.pid))
  }
  box.episode("away", { "meta.json": "{}" })
  await untilRunning(daemon, () => box.exists("shipped/away"))
  box.put("quarantine/E2", { "meta.json": "{}", "done.marker": "" })
  expect((await box.run(["requeue", "E2"])).code).toBe(0)
  await untilRunning(daemon, () => box.exists("shipped/E2"))
  expect((await box.run(["drain"])).code).toBe(0)
  const status = await box.run(["status", "--json"])
  expect([status.code, status.stdout]).toEqual([0, expect.stringContaining(String(daemon.pid))])
  expect(daemon.over()).toBe(false)
})

test("the lock goes with the process, however it ended", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  using manager = manage(box)
  const daemon = box.daemon({ env: manager.env })
  await untilRunning(daemon, () => manager.said().some((text) => text.startsWith("READY=1")))
  await daemon.stop("SIGKILL")
  box.episode("E1")
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("a token file that is renewed on disk is used without a restart", async () => {
  const home = { token: "" }
  let refused = 0
  await using receiver = await startFakeReceiver(({ headers }) => {
    if (headers.authorization === "Bearer new") return "good"
    refused++
    return refuses(401, "no valid token")
  })
  using box = makeBox(receiver.url)
  home.token = join(box.home, "token")
  writeFileSync(home.token, "old\n")
  box.configure({ receiver: { bearer_token_file: home.token } })
  box.episode("E1")
  await using daemon = box.daemon()
  await untilRunning(daemon, () => refused > 1)
  writeFileSync(`${home.token}.new`, "new\n")
  renameSync(`${home.token}.new`, home.token)
  await untilRunning(daemon, () => box.exists("shipped/E1"))
  expect(daemon.stderr()).not.toMatch(/Bearer|=old|=new/)
})

test("the daemon checks in with what ping says", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.configure({ shipper: { checkin_interval_s: 0.05 } })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.heard.filter(({ path }) => path === "/v1/ping").length >= 3)
  expect(JSON.parse(receiver.last("POST").body.toString())).toMatchObject({ host_id: "lab-1", waiting: 0 })
})
