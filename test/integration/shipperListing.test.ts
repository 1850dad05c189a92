import { randomBytes } from "node:crypto"
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { refuses, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, makeBox, RECORDED } from "../support/shipperBox.ts"

test("only what has its done.marker is ready; strays and symlinks are never touched", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/recording", RECORDED)
  for (const name of ["-dash", ".hidden", "with space", "tilde~1", "x".repeat(129), "größe", "a\nb"]) {
    box.put(`episodes/${name}`, { ...RECORDED, "done.marker": "" })
  }
  box.put("episodes", { file: "", "E9.tar.zst": "" })
  box.put("../elsewhere", { ...RECORDED, "done.marker": "" })
  symlinkSync(join(box.home, "elsewhere"), box.path("episodes/linked"))
  const before = box.tree("episodes")
  const ran = await box.once()
  expect([ran.counts, ran.code], ran.stderr).toEqual([counts({}), 0])
  expect(box.tree("episodes")).toEqual(before)
  expect(box.names("quarantine")).toEqual([])
  expect(receiver.heard).toEqual([])
  const status = JSON.parse((await box.run(["status", "--json"])).stdout)
  expect(status).toMatchObject({ stray_names: 10 })
})

test("sweep: anything in outbox/ without its episode is removed, `.partial` too; what a held conflict needs stays", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/recording", RECORDED)
  box.put("outbox", {
    "gone.tar.zst": "x",
    "gone.tar.zst.partial": "x",
    "gone.conflict.json": "{}",
    "stray.txt": "x",
    ".hidden": "x",
    "with space": "x",
    "recording.tar.zst.partial": "x"
  })
  box.put("outbox/directory", { x: "x" })
  writeFileSync(join(box.home, "precious"), "keep")
  symlinkSync(join(box.home, "precious"), box.path("outbox/link.tar.zst"))
  const ran = await box.once()
  expect([ran.counts, ran.code], ran.stderr).toEqual([counts({}), 0])
  expect(box.names("outbox").filter((name) => name !== "recording.tar.zst.partial")).toEqual([])
  expect(box.exists("../precious")).toBe(true)
})

test("sweep: what is noted of an episode stays with it, half written notes too", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/recording", RECORDED)
  const notes = { packed: ["recording", "recording~"], tally: ["recording.json", "recording.json~"] }
  for (const [kind, names] of Object.entries(notes)) {
    const gone = names.map((name) => name.replace("recording", "gone"))
    box.put(`state/${kind}`, Object.fromEntries([...names, ...gone].map((name) => [name, "{}"])))
  }
  expect((await box.once()).counts).toEqual(counts({}))
  expect([box.names("state/packed"), box.names("state/tally")]).toEqual([notes.packed, notes.tally])
})

test("a leftover .partial of a living episode is no obstacle and never sent", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  box.put("outbox", { "E1.tar.zst.partial": "half" })
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(receiver.last("PUT").body.includes("half")).toBe(false)
  expect(box.names("outbox")).toEqual([])
})

test("a symlink in outbox/ is never written through", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  box.episode("E2")
  for (const name of ["one", "two"]) writeFileSync(join(box.home, name), "precious")
  symlinkSync(join(box.home, "one"), box.path("outbox/E1.tar.zst"))
  symlinkSync(join(box.home, "two"), box.path("outbox/E2.tar.zst.partial"))
  await box.once()
  expect([box.text("../one"), box.text("../two")]).toEqual(["precious", "precious"])
})

test("a receipt without its directory counts for nothing and is replaced", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  box.put("shipped", { "E1.receipt.json": '{"old":true}', "E2.receipt.json": "{torn" })
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(box.names("shipped")).toContain("E1")
  expect(box.json("shipped/E1.receipt.json")).toMatchObject({ status: "stored", episode_id: "E1" })
})

test("a name already taken in shipped/ or quarantine/ gets ~1, then ~2; nothing is overwritten", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("shipped/E1", { precious: "1" })
  box.put("shipped/E1~1", { precious: "2" })
  box.put("shipped", { "E1.receipt.json": '{"old":1}' })
  box.put("quarantine/E2", { precious: "3" })
  box.put("quarantine", { "E2~1": "a file" })
  box.episode("E1")
  box.episode("E2")
  symlinkSync("nowhere", box.path("episodes/E2/link"))
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: 2, shipped: 1, fatal: 1 }))
  expect(box.names("shipped").filter((name) => !name.endsWith(".json"))).toEqual(["E1", "E1~1", "E1~2"])
  expect(box.text("shipped/E1/precious") + box.text("shipped/E1~1/precious")).toBe("12")
  expect(box.json("shipped/E1.receipt.json")).toEqual({ old: 1 })
  expect(box.json("shipped/E1~2.receipt.json")).toMatchObject({ episode_id: "E1", status: "stored" })
  expect(box.names("quarantine")).toEqual(["E2", "E2~1", "E2~2"])
  expect(box.text("quarantine/E2/precious") + box.text("quarantine/E2~1")).toBe("3a file")
  expect(box.json("quarantine/E2~2/quarantine_reason.json")).toMatchObject({ episode_id: "E2", reason: "unpackable" })
})

test("a quarantine_reason.json that a crash left in a ready episode is not sent; the episode is, and is shipped", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "quarantine_reason.json": "{torn" })
  box.episode("E2")
  expect((await box.once()).counts).toEqual(counts({ scanned: 2, shipped: 2 }))
  const [one, two] = ["E1", "E2"].map((id) => receiver.heard.find((heard) => heard.id === id))
  expect(one?.headers["x-cis490-content-sha256"]).toBe(two?.headers["x-cis490-content-sha256"])
})

test("a waiting tarball that was cut short or is not ours is never sent as it is", async () => {
  let open = false
  await using receiver = await startFakeReceiver(() => (open ? "good" : { status: 503 }))
  using box = makeBox(receiver.url)
  box.episode("E1")
  box.episode("E2")
  box.put("outbox", { "E2.tar.zst": "not ours" })
  await box.once()
  const whole = box.exists("outbox/E1.tar.zst") ? "E1" : "E2"
  writeFileSync(box.path(`outbox/${whole}.tar.zst`), "cut")
  open = true
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: 2, shipped: 2 }))
  for (const { body } of receiver.heard) expect(body.length).toBeGreaterThan(100)
})

test("a waiting tarball of the right length with a wrong byte in it never ships as this content", async () => {
  let open = false
  await using receiver = await startFakeReceiver(() => (open ? "good" : { status: 503 }))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  const before = receiver.last("PUT")
  const changed = Buffer.from(before.body)
  changed[changed.length - 8] = (changed[changed.length - 8] ?? 0) ^ 1
  writeFileSync(box.path("outbox/E1.tar.zst"), changed)
  open = true
  await box.once()
  const { body, headers } = receiver.last("PUT")
  expect(body.equals(before.body) || headers["repr-digest"] === before.headers["repr-digest"]).toBe(true)
})

test("a waiting tarball is sent as it is while the episode is unchanged, packed anew when it changed", async () => {
  let open = false
  await using receiver = await startFakeReceiver(() => (open ? "good" : { status: 503 }))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  box.put("episodes/E1", { "late.jsonl": "{}" })
  open = true
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  const [first, second] = receiver.heard
  expect(second?.headers["x-cis490-content-sha256"]).not.toBe(first?.headers["x-cis490-content-sha256"])
  expect(box.exists("shipped/E1/late.jsonl")).toBe(true)
})

test("garbage under state/ stops nothing", async () => {
  let open = false
  await using receiver = await startFakeReceiver(() => (open ? "good" : { status: 503 }))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  for (const file of box.tree("state").filter((name) => !name.endsWith("/")))
    box.put("state", { [file]: "\u0000{torn" })
  box.put("state", { unknown: "x" })
  open = true
  const ran = await box.once()
  expect([ran.counts, ran.code], ran.stderr).toEqual([counts({ scanned: 1, shipped: 1 }), 0])
})

test("directories of the data root are made when they are missing", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  for (const name of ["outbox", "shipped", "quarantine"]) rmSync(box.path(name), { recursive: true })
  box.episode("E1")
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("a listing that fails is a failed pass, not an empty one", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  renameSync(box.path("episodes"), box.path("../away"))
  writeFileSync(box.path("episodes"), "")
  const ran = await box.run(["once", "--json"])
  expect(ran.code).toBeGreaterThanOrEqual(1)
  expect(ran.stderr).toContain("episodes")
})

test("changed while the answer came: not retired, transient, packed anew next time", async () => {
  const late = { path: "" }
  await using receiver = await startFakeReceiver((_, seen) => {
    if (seen === 1) writeFileSync(late.path, "late")
    return "good"
  })
  using box = makeBox(receiver.url)
  box.episode("E1")
  late.path = box.path("episodes/E1/late.jsonl")
  const ran = await box.once()
  expect([ran.counts, ran.code]).toEqual([counts({ scanned: 1, transient_failures: 1 }), 1])
  expect([box.names("episodes"), box.names("shipped")]).toEqual([["E1"], []])
  const next = await box.once()
  const [first, second] = receiver.heard
  expect(second?.headers["x-cis490-content-sha256"]).not.toBe(first?.headers["x-cis490-content-sha256"])
  expect(next.counts).toEqual(counts({ scanned: 1, conflicts: 1 }))
})

test.each([
  ["before a waiting tarball is used", refuses(503, "not yet", { type: "urn:cis490:problem:commit-unknown" })],
  ["before it is retired", "good" as const]
])("changed three times in a row, found %s: hourly from then on", async (_, said) => {
  const late = { path: "" }
  await using receiver = await startFakeReceiver(({ headers, id }, seen) => {
    writeFileSync(late.path, String(seen))
    const content_sha256 = headers["x-cis490-content-sha256"]
    const receipt = { status: "stored", host_id: "lab-1", episode_id: id, sha256: "0".repeat(64), bytes: 1 }
    return said === "good" ? says(201, { ...receipt, content_sha256 }) : said
  })
  using box = makeBox(receiver.url)
  box.episode("E1")
  late.path = box.path("episodes/E1/late.jsonl")
  for (let pass = 0; pass < 7; pass++) {
    expect((await box.once()).counts).toEqual(counts({ scanned: 1, transient_failures: 1 }))
  }
  const before = receiver.heard.length
  expect(before).toBeLessThanOrEqual(4)
  await box.once({ ahead: 3_700_000 })
  expect(receiver.heard).toHaveLength(before + 1)
})

test("a disk that is full (here: a limit on file sizes) is the host's trouble: transient, neighbours go on", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "big.bin": randomBytes(1024 * 1024) })
  box.episode("E2")
  const ran = await box.once({ prelude: "ulimit -f 500 && trap '' XFSZ" })
  expect([ran.counts, ran.code]).toEqual([counts({ scanned: 2, shipped: 1, transient_failures: 1 }), 1])
  expect([box.names("episodes"), box.names("outbox"), box.names("quarantine")]).toEqual([["E1"], [], []])
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("a directory gone when its answer comes is logged and counted nowhere", async () => {
  const late = { from: "", to: "" }
  await using receiver = await startFakeReceiver(() => {
    renameSync(late.from, late.to)
    return "good"
  })
  using box = makeBox(receiver.url)
  box.episode("E1")
  late.from = box.path("episodes/E1")
  late.to = join(box.home, "gone")
  const ran = await box.once()
  expect(ran.counts).toMatchObject({ shipped: 0, transient_failures: 0, conflicts: 0, fatal: 0 })
  expect(ran.stderr).toContain("E1")
  expect(box.names("shipped")).toEqual([])
})

test("case and order: oldest name first by bytes, whatever the locale", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["b", "B", "a", "0", "Z"]) box.episode(id)
  await box.once({ env: { LANG: "de_DE.UTF-8" } })
  expect(receiver.sent()).toEqual(["0", "B", "Z", "a", "b"])
})
