import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { expect, test } from "vitest"
import { makeDeep } from "../support/deepTree.ts"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, counts, DAY, makeBox } from "../support/shipperBox.ts"

const linesWith = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part))
const mismatch = refuses(422, "digest mismatch: body")

/** Gives the box to an ordinary user, to whom permissions mean something. */
const asUser = (box: Box) => {
  if (process.getuid?.() !== 0) return {}
  execFileSync("chown", ["-R", "1000:1000", box.home])
  return { under: ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] }
}

test("a damaged episode that stopped a pass comes last in the next: its neighbours show that the link is good", async () => {
  await using receiver = await startFakeReceiver(({ id }) => (id === "E3" ? "good" : mismatch))
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  for (const _ of [1, 2, 3]) await box.once()
  box.episode("E2")
  for (const _ of [1, 2, 3]) await box.once()
  box.episode("E3")
  for (const _ of [1, 2]) await box.once()
  expect(box.names("shipped")).toContain("E3")
})

test("a calendar that could not be read is written anew in the same pass", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  for (const _ of [1, 2, 3, 4, 5]) {
    fs.mkdirSync(box.path("state"), { recursive: true })
    fs.writeFileSync(box.path("state/calendar.json"), "")
    await box.once()
    expect(box.text("state/calendar.json")).toContain("wait_left")
  }
})

test("what was shipped under a name this host has no more does not keep the rest from being pruned", async () => {
  await using receiver = await startFakeReceiver(({ method, path }) =>
    method === "HEAD" && path.includes("/lab-1/") ? { status: 403 } : "good"
  )
  using box = makeBox(receiver.url)
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  await box.once()
  box.configure({}, 'host_id = "lab-2"')
  box.episode("E4")
  await box.once()
  fs.rmSync(box.path("state/calendar.json"))
  box.configure({ retention: { keep_local_for_days: 7, quarantine_cleanup_interval_s: 0 } }, 'host_id = "lab-2"')
  const ran = await box.once({ ahead: 8 * DAY })
  expect(box.names("shipped"), ran.stderr).not.toContain("E4")
})

test("sweep: what cannot be removed holds up no neighbour", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("outbox/A", { x: "" })
  makeDeep(box.path("outbox/A"))
  box.put("outbox", { "B.tar.zst": "x" })
  const ran = await box.once()
  expect(box.names("outbox"), ran.stderr).toEqual(["A"])
})

test("on a disk that stays too full, what pruning cannot help is asked and said once per interval, not per look", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  await box.once()
  for (const [path, row] of receiver.stored) receiver.stored.set(path, { ...row, content: "b".repeat(64) })
  box.configure({ paths: { min_free_bytes: 2 ** 50 }, retention: { keep_local_for_days: 7 } })
  const first = await box.once()
  const second = await box.once()
  expect(linesWith(first.stderr + second.stderr, "other content")).toHaveLength(3)
})

test("an episode that its recorder made read-only is retired", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  fs.chmodSync(box.path("episodes/E1"), 0o555)
  const ran = await box.once(asUser(box))
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("what was shipped with a read-only directory in it is pruned, whole, with its receipt", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "ro/file": "x" })
  fs.chmodSync(box.path("episodes/E1/ro"), 0o555)
  await box.once(asUser(box))
  fs.rmSync(box.path("state/calendar.json"))
  box.configure({ retention: { keep_local_for_days: 7, quarantine_cleanup_interval_s: 0 } })
  const ran = await box.once({ ...asUser(box), ahead: 8 * DAY })
  expect([box.names("shipped"), box.names("state/trash")], ran.stderr).toEqual([[], []])
})

test("one entry of quarantine/ that cannot be read holds up no cleaning and no pruning", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("S1")
  box.put("quarantine/Q1", { "quarantine_reason.json": "{}" })
  box.put("quarantine/Q2", { x: "" })
  await box.once(asUser(box))
  fs.rmSync(box.path("state/calendar.json"))
  box.configure({ retention: { keep_local_for_days: 7, quarantine_keep_days: 7, quarantine_cleanup_interval_s: 0 } })
  const as = asUser(box)
  fs.chmodSync(box.path("quarantine/Q1/quarantine_reason.json"), 0o000)
  const ran = await box.once({ ...as, ahead: 20 * DAY })
  expect([box.exists("quarantine/Q2"), box.names("shipped")], ran.stderr).toEqual([false, []])
})

test("a note on suspects that cannot be written costs no pass its counts", async () => {
  await using receiver = await startFakeReceiver(() => mismatch)
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  await box.once()
  fs.mkdirSync(box.path("state/suspects/x"), { recursive: true })
  const ran = await box.once()
  expect(ran.counts).toEqual(counts({ scanned: 1, fatal: 1 }))
})

test("a tarball that a crash left beside its conflict note goes with the next pass", async () => {
  await using receiver = await startFakeReceiver(() => refuses(409, "other content", { stored_sha256: "a".repeat(64) }))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  box.put("outbox", { "E1.tar.zst": "as after a crash" })
  await box.once()
  expect(box.names("outbox")).toEqual(["E1.conflict.json"])
})

test("status and the daemon agree on what is ready", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/E1/done.marker", { x: "" })
  const { episodes } = JSON.parse((await box.run(["status", "--json"])).stdout)
  const ran = await box.once()
  expect(ran.counts).toEqual(counts(episodes.ready.count === 0 ? {} : { scanned: 1, shipped: 1 }))
})
