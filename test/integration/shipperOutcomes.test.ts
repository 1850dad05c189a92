import { createServer } from "node:net"
import { describe, expect, test } from "vitest"
import { proxySays, refuses, type Said, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { COMMIT, counts, makeBox } from "../support/shipperBox.ts"
import { sha256Of } from "../support/wire.ts"

const CLEAN = { scanned: 1, transient_failures: 1 }
const linesWith = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part))

test("201: receipt written, directory to shipped/, tarball removed, exit 0; a second pass has nothing to do", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(ran.code).toBe(0)
  expect(box.names("shipped")).toEqual(["E1", "E1.receipt.json"])
  expect(box.names("shipped/E1")).toEqual(
    ["done.marker", "events.jsonl", "labels.jsonl", "meta.json", "telemetry-proc.jsonl"].toSorted()
  )
  expect([box.names("episodes"), box.names("outbox"), box.names("quarantine")]).toEqual([[], [], []])
  const { body } = receiver.last("PUT")
  const receipt = box.json("shipped/E1.receipt.json")
  expect(receipt).toMatchObject({
    status: "stored",
    host_id: "lab-1",
    episode_id: "E1",
    sha256: sha256Of(body),
    bytes: body.length,
    content_sha256: receiver.last("PUT").headers["x-cis490-content-sha256"]
  })
  expect(Object.values(receipt)).toContainEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/))
  const again = await box.once()
  expect([again.counts, again.code]).toEqual([counts({}), 0])
  expect(receiver.heard).toHaveLength(1)
})

test("200 already_present is shipped too: an answer that was lost does no harm", async () => {
  await using receiver = await startFakeReceiver((_, seen) => (seen === 1 ? "cut" : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  expect((await box.once()).counts).toEqual(counts(CLEAN))
  expect(box.exists("episodes/E1/done.marker")).toBe(true)
  receiver.stored.set("/v1/episodes/lab-1/E1", {
    sha256: "a".repeat(64),
    bytes: 7,
    content: String(receiver.last("PUT").headers["x-cis490-content-sha256"])
  })
  const ran = await box.once()
  expect([ran.counts, ran.code]).toEqual([counts({ scanned: 1, shipped: 1 }), 0])
  expect(box.json("shipped/E1.receipt.json")).toMatchObject({ status: "already_present", sha256: "a".repeat(64) })
})

test.each([
  ["without sha256 and bytes", {}],
  ["with a sha256 that is none", { sha256: 5, bytes: 1 }],
  ["with bytes that are none", { sha256: "a".repeat(64), bytes: "many" }]
])("a receipt %s, but with our names and our content, is shipped and never the program's end", async (_, more) => {
  await using receiver = await startFakeReceiver(({ headers, id }) => {
    const content_sha256 = headers["x-cis490-content-sha256"]
    const receipt = { status: "stored", host_id: "lab-1", episode_id: id, content_sha256 }
    return id === "E1" ? says(201, { ...receipt, ...more }) : "good"
  })
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  box.episode("E2")
  expect((await box.once()).counts).toEqual(counts({ scanned: 2, shipped: 2 }))
})

const rejections: ReadonlyArray<readonly [id: string, said: Said, reason: string]> = [
  ["S400", refuses(400, "missing X-Cis490-Code-Commit header"), "bad_request"],
  ["S402", refuses(402, "pay"), "refused"],
  ["S406", refuses(406, "not acceptable"), "refused"],
  ["S410", refuses(410, "gone"), "refused"],
  ["S411", refuses(411, "no length"), "refused"],
  ["S412", refuses(412, "out of window", { remediation: "git pull" }), "out_of_window"],
  ["S413", refuses(413, "too large", { limit_bytes: 5 }), "too_large"],
  ["S415", refuses(415, "type"), "refused"],
  ["S418", refuses(418, "teapot"), "refused"],
  ["S422", refuses(422, "invalid archive: commit"), "invalid_archive"],
  ["S451", refuses(451, "lawyers"), "refused"],
  ["S499", refuses(499, "odd"), "refused"]
]

test("rejected 4xx: fatal, in quarantine/ with its reason and the whole body; neighbours are shipped", async () => {
  const said = new Map(rejections.map(([id, answer]) => [id, answer]))
  await using receiver = await startFakeReceiver(({ id }) => said.get(id) ?? "good")
  using box = makeBox(receiver.url)
  for (const [id] of rejections) box.episode(id)
  box.episode("A-first")
  box.episode("Z-last")
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: rejections.length + 2, shipped: 2, fatal: rejections.length }))
  expect(ran.code).toBe(1)
  expect(box.names("quarantine")).toEqual(rejections.map(([id]) => id))
  expect([box.names("episodes"), box.names("outbox")]).toEqual([[], []])
  for (const [id, answer, reason] of rejections) {
    expect(box.json("quarantine", id, "quarantine_reason.json"), id).toEqual({
      reason,
      episode_id: id,
      status_code: answer.status,
      error: expect.stringContaining((answer.body as { error: string }).error),
      body: answer.body,
      commit: COMMIT,
      quarantined_at_wall: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
    })
    expect(box.exists("quarantine", id, "events.jsonl")).toBe(true)
  }
})

const notLetIn: ReadonlyArray<readonly [what: string, said: Said]> = [
  ["a 200 with HTML", proxySays(200)],
  ["a 302, which is not followed", proxySays(302, { location: "/v1/episodes/lab-1/elsewhere" })],
  ["403", refuses(403, "not that host")],
  ["a 413 of a proxy", proxySays(413)]
]

describe("not let in: everything stays, the pass stops, exit 1", () => {
  test.each(notLetIn)("%s", async (_, said) => {
    await using receiver = await startFakeReceiver(() => said)
    using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
    box.episode("E1")
    box.episode("E2")
    const ran = await box.once()
    expect([ran.counts, ran.code]).toEqual([counts({ scanned: 1, transient_failures: 1 }), 1])
    expect(receiver.heard.map(({ path }) => path)).toEqual(["/v1/episodes/lab-1/E1"])
    expect(box.names("episodes")).toEqual(["E1", "E2"])
    expect([box.names("shipped"), box.names("quarantine")]).toEqual([[], []])
    expect(box.exists("outbox/E1.tar.zst")).toBe(true)
  })
})

test("401 is said once, loudly, not once per episode", async () => {
  await using receiver = await startFakeReceiver(() => refuses(401, "no valid token"))
  using box = makeBox(receiver.url, { shipper: { concurrency: 4 } })
  for (let i = 0; i < 20; i++) box.episode(`E${String(i).padStart(2, "0")}`)
  const ran = await box.once({ env: { NO_COLOR: "1", JOURNAL_STREAM: "1:1" } })
  expect(ran.code).toBe(1)
  expect(receiver.heard.length).toBeLessThanOrEqual(4)
  expect(linesWith(ran.stderr, "no valid token")).toHaveLength(1)
  expect(box.names("episodes")).toHaveLength(20)
})

const stopping: ReadonlyArray<readonly [what: string, said: Said]> = [
  ["429", refuses(429, "too many")],
  ["502 of a proxy", proxySays(502)],
  ["503 of a proxy", proxySays(503)],
  ["504", proxySays(504)],
  ["507", refuses(507, "disk full")]
]

describe("429, 502, 503, 504, 507: transient, everything stays, the pass stops", () => {
  test.each(stopping)("%s", async (_, said) => {
    await using receiver = await startFakeReceiver(() => said)
    using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
    box.episode("E1")
    box.episode("E2")
    const ran = await box.once()
    expect([ran.counts, ran.code]).toEqual([counts({ scanned: 1, transient_failures: 1 }), 1])
    expect(receiver.sent()).toEqual(["E1"])
    expect(box.names("episodes")).toEqual(["E1", "E2"])
    expect(box.names("quarantine")).toEqual([])
  })
})

describe("500 on three different episodes running, or a connection cut, stops the pass", () => {
  test.each([
    ["500", refuses(500, "a mistake")],
    ["500 of a proxy", proxySays(500)],
    ["a connection that is cut", "cut" as const]
  ])("%s", async (_, said) => {
    await using receiver = await startFakeReceiver(() => said)
    using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
    for (const id of ["E1", "E2", "E3", "E4", "E5"]) box.episode(id)
    const ran = await box.once()
    expect(ran.counts).toEqual(counts({ scanned: 3, transient_failures: 3 }))
    expect(receiver.sent()).toEqual(["E1", "E2", "E3"])
    expect(box.names("episodes")).toHaveLength(5)
  })
})

test("500 on two episodes and then a success does not stop the pass, nor does 408 or 425 on one", async () => {
  const said: Record<string, Said> = {
    E1: refuses(500, "a mistake"),
    E2: refuses(500, "a mistake"),
    E4: refuses(408, "stopped moving"),
    E5: refuses(425, "too early"),
    E7: refuses(500, "a mistake")
  }
  await using receiver = await startFakeReceiver(({ id }) => said[id] ?? "good")
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (let i = 1; i <= 8; i++) box.episode(`E${i}`)
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: 8, shipped: 3, transient_failures: 5 }))
  expect(box.names("episodes")).toEqual(["E1", "E2", "E4", "E5", "E7"])
})

test("503 of type commit-unknown concerns that episode alone: the pass goes on", async () => {
  await using receiver = await startFakeReceiver(({ id }) =>
    id.startsWith("E") ? refuses(503, "not yet", { type: "urn:cis490:problem:commit-unknown" }) : "good"
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2", "E3", "E4", "F1", "F2"]) box.episode(id)
  const ran = await box.once()
  expect([ran.counts, ran.code]).toEqual([counts({ scanned: 6, shipped: 2, transient_failures: 4 }), 1])
  expect(box.names("episodes")).toEqual(["E1", "E2", "E3", "E4"])
})

test("no connection: a backlog of 50 costs at most `concurrency` calls, nothing moves", async () => {
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve))
  const address = closed.address()
  await new Promise((resolve) => closed.close(resolve))
  using box = makeBox(`http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`)
  for (let i = 0; i < 50; i++) box.episode(`E${i}`)
  const ran = await box.once()
  const { scanned, transient_failures, ...rest } = ran.counts as Record<string, number>
  expect(rest).toEqual({ shipped: 0, conflicts: 0, fatal: 0 })
  expect(scanned).toBe(transient_failures)
  expect(scanned).toBeGreaterThanOrEqual(1)
  expect(scanned).toBeLessThanOrEqual(4)
  expect(box.names("outbox").length).toBeLessThanOrEqual(8)
  expect([box.names("episodes").length, ran.code]).toEqual([50, 1])
})

test("a refused backlog of 50 costs at most `concurrency` calls", async () => {
  await using receiver = await startFakeReceiver(() => refuses(403, "not that host"))
  using box = makeBox(receiver.url, { shipper: { concurrency: 3 } })
  for (let i = 0; i < 50; i++) box.episode(`E${i}`)
  await box.once()
  expect(receiver.sent().length).toBeLessThanOrEqual(3)
  expect(box.names("outbox").filter((name) => name.endsWith(".tar.zst")).length).toBeLessThanOrEqual(6)
})

test("412: the remediation at error level, each line a line, once per pass; one line with status=412 per episode", async () => {
  const remediation = "cd /opt/cis490 && git pull\nsudo install-lab-host.sh\nsudo systemctl restart it"
  await using receiver = await startFakeReceiver(() => refuses(412, "commit not in the window", { remediation }))
  using box = makeBox(receiver.url)
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  const ran = await box.once({ env: { NO_COLOR: "1", JOURNAL_STREAM: "1:1" } })
  expect(ran.counts).toEqual(counts({ scanned: 3, fatal: 3 }))
  for (const line of remediation.split("\n")) expect(linesWith(ran.stderr, line)).toHaveLength(1)
  const refused = linesWith(ran.stderr, "status=412")
  expect(refused).toHaveLength(3)
  for (const id of ["E1", "E2", "E3"]) expect(refused.filter((line) => line.includes(id))).toHaveLength(1)
})

test("an error of several lines is still one line per event, and cannot pass for another", async () => {
  await using receiver = await startFakeReceiver(() =>
    refuses(413, "too large\n<0>forged status=412 episode=E9\u001b[2J")
  )
  using box = makeBox(receiver.url)
  box.episode("E1")
  const { stderr } = await box.once({ env: { NO_COLOR: "1", JOURNAL_STREAM: "1:1" } })
  expect(stderr.trimEnd().split("\n")).toEqual([expect.stringMatching(/too large.*status=413/)])
  expect(stderr).not.toContain("\u001b")
})

test("412: distinct remediations are each said once", async () => {
  await using receiver = await startFakeReceiver(({ id }) =>
    refuses(412, "out", { remediation: id === "E1" ? "mend-one" : "mend-two" })
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  const { stderr } = await box.once()
  expect([linesWith(stderr, "mend-one"), linesWith(stderr, "mend-two")].map((lines) => lines.length)).toEqual([1, 1])
})

test("episodes whose sending stopped an earlier pass come last, the others oldest name first", async () => {
  await using receiver = await startFakeReceiver(({ id }, seen) =>
    id === "E1" && seen === 1 ? refuses(503, "cannot store") : "good"
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E3", "E1", "E2"]) box.episode(id)
  await box.once()
  await box.once()
  expect(receiver.sent()).toEqual(["E1", "E2", "E3", "E1"])
})

test("a receiver that stands still is a time-out: transient, the pass stops", async () => {
  await using receiver = await startFakeReceiver(() => "stall")
  using box = makeBox(receiver.url, { shipper: { concurrency: 1, request_timeout_s: 0.3 } })
  box.episode("E1")
  box.episode("E2")
  const ran = await box.once()
  expect([ran.counts, ran.code]).toEqual([counts({ scanned: 1, transient_failures: 1 }), 1])
  expect(receiver.sent()).toEqual(["E1"])
  expect(box.names("episodes")).toEqual(["E1", "E2"])
})

test("TLS files missing: transient, says `mTLS material`, nothing is sent", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url.replace("http:", "https:"))
  box.configure({ receiver: { ca_bundle: box.path("absent-ca.pem") } })
  box.episode("E1")
  const ran = await box.once()
  expect([ran.counts, ran.code]).toEqual([counts(CLEAN), 1])
  expect(ran.stderr).toContain("mTLS material")
  const ping = await box.run(["ping", "--json"])
  expect(JSON.parse(ping.stdout)).toMatchObject({
    ok: false,
    status_code: 0,
    error: expect.stringContaining("mTLS material")
  })
  expect([ping.code, receiver.heard.length]).toEqual([1, 0])
})

test("Whose answer it is comes first: a 409 whose digests are not ours was damaged on the way", async () => {
  await using receiver = await startFakeReceiver(() =>
    refuses(409, "other content", { stored_sha256: "a".repeat(64), your_sha256: "b".repeat(64) })
  )
  using box = makeBox(receiver.url)
  box.episode("E1")
  const ran = await box.once()
  expect(ran.counts).toEqual(counts(CLEAN))
  expect(box.names("episodes")).toEqual(["E1"])
  expect(box.names("outbox")).toEqual([])
})

const mismatch = refuses(422, "digest mismatch: body")

test("digest mismatch: transient twice, tarball removed, packed anew; the third time in a row `damaged`", async () => {
  await using receiver = await startFakeReceiver(({ id }) => (id === "E1" ? mismatch : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  for (const _ of [1, 2]) {
    const ran = await box.once()
    expect([ran.counts, ran.code]).toEqual([counts(CLEAN), 1])
    expect([box.names("episodes"), box.names("outbox")]).toEqual([["E1"], []])
  }
  const third = await box.once()
  expect(third.code).toBe(1)
  expect(box.names("quarantine")).toEqual(["E1"])
  expect(box.json("quarantine/E1/quarantine_reason.json")).toMatchObject({
    reason: "damaged",
    status_code: 422,
    body: mismatch.body
  })
  expect([box.names("episodes"), box.names("outbox")]).toEqual([[], []])
})

test("two different episodes in a row that come to the third mismatch: none is quarantined", async () => {
  await using receiver = await startFakeReceiver(() => mismatch)
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  for (const _ of [1, 2, 3, 4]) await box.once()
  expect(box.names("quarantine")).toEqual([])
  expect(box.names("episodes")).toEqual(["E1", "E2", "E3"])
})
