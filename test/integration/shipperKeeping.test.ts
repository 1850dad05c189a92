/** What is kept and what is deleted, when it is not all in order. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { expect, test } from "vitest"
import { makeDeep } from "../support/deepTree.ts"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, counts, DAY, makeBox } from "../support/shipperBox.ts"

const linesWith = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part))

/** Gives the box to an ordinary user, to whom permissions mean something. */
const asUser = (box: Box) => {
  if (process.getuid?.() !== 0) return {}
  execFileSync("chown", ["-R", "1000:1000", box.home])
  return { under: ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] }
}

test("what cannot be deleted holds up no neighbour: the rest is cleaned and pruned", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("S1")
  await box.once()
  box.put("quarantine/Q1", { x: "" })
  makeDeep(box.path("quarantine/Q1"))
  box.put("quarantine/Q2", { x: "" })
  box.configure({ retention: { keep_local_for_days: 7, quarantine_keep_days: 7, quarantine_cleanup_interval_s: 0 } })
  // The calendar's own wait.
  fs.rmSync(box.path("state/calendar.json"))
  const first = await box.once({ ahead: 20 * DAY })
  const second = await box.once({ ahead: 20 * DAY })
  const third = await box.once({ ahead: 20 * DAY })
  expect([box.names("quarantine"), box.names("shipped")], first.stderr + second.stderr + third.stderr).toEqual([[], []])
})

test("a calendar that cannot be read vouches for no clock", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { retention: { quarantine_keep_days: 30 } })
  box.put("quarantine/Q1", { x: "" })
  await box.once()
  fs.writeFileSync(box.path("state/calendar.json"), "")
  await box.once({ ahead: 3650 * DAY })
  expect(box.names("quarantine")).toEqual(["Q1"])
})

test("what was shipped as another host is not sent again under the new name", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  fs.rmSync(box.path("state/calendar.json"))
  box.configure({ retention: { keep_local_for_days: 7 } }, 'host_id = "lab-2"')
  await box.once({ ahead: 8 * DAY })
  expect([...receiver.stored.keys()]).toEqual(["/v1/episodes/lab-1/E1"])
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

test("what cannot be taken out of quarantine/ is not said to be deleted", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { retention: { quarantine_keep_days: 7, quarantine_cleanup_interval_s: 0 } })
  box.put("quarantine/Q1", { x: "" })
  box.stamp("quarantine/Q1")
  const as = asUser(box)
  fs.chmodSync(box.path("quarantine"), 0o555)
  const closed = await box.once(as)
  expect([linesWith(closed.stderr, "deleted"), box.names("quarantine")], closed.stderr).toEqual([[], ["Q1"]])
  fs.chmodSync(box.path("quarantine"), 0o755)
  const open = await box.once(as)
  expect([linesWith(open.stderr, "deleted from quarantine").length, box.names("quarantine")]).toEqual([1, []])
})

test("what a crash left in the trash goes, and is named", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("state/trash/Q1", { x: "" })
  const ran = await box.once()
  expect([linesWith(ran.stderr, "names=Q1").length, box.names("state/trash")], ran.stderr).toEqual([1, []])
  expect((await box.once({ ahead: 3_700_000 })).stderr).not.toContain("trash")
})

test("an episode whose done.marker is a link is ready in every count, and then refused", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/E1", { "meta.json": "{}" })
  fs.symlinkSync("nowhere", box.path("episodes/E1/done.marker"))
  box.put("episodes/E2/done.marker", { x: "" })
  const { episodes, oldest_waiting } = JSON.parse((await box.run(["status", "--json"])).stdout)
  expect([episodes.ready.count, episodes.recording.count, oldest_waiting.episode_id]).toEqual([1, 1, "E1"])
  await box.run(["ping"])
  expect(JSON.parse(receiver.last("POST").body.toString())).toMatchObject({ waiting: 1 })
  box.configure({ shipper: { order: "smallest-first" } })
  const ran = await box.once()
  expect([ran.counts, box.names("quarantine")], ran.stderr).toEqual([counts({ scanned: 1, fatal: 1 }), ["E1"]])
})
