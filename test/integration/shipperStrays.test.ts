/** Odd names and things that come and go below the data root. */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { makeDeep } from "../support/deepTree.ts"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, makeBox, untilRunning } from "../support/shipperBox.ts"

const linesWith = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part))

const mismatch = refuses(422, "digest mismatch: body")

test("an episode whose id is the name of another's receipt does not stand in its way", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1.receipt.json")
  await box.once()
  box.episode("E1")
  const ran = await box.once()
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("ids ending in .json and .tmp keep their notes: a waiting tarball is not packed anew each time", async () => {
  await using receiver = await startFakeReceiver(() => refuses(503, "cannot store"))
  using box = makeBox(receiver.url)
  const packedAt = (id: string) => fs.statSync(box.path("outbox", `${id}.tar.zst`)).ino
  for (const id of ["E1.json", "E2.tmp", "E3"]) {
    box.episode(id)
    await box.once()
    const before = packedAt(id)
    await box.once()
    await box.once()
    expect(packedAt(id), id).toBe(before)
    fs.rmSync(box.path("episodes", id), { recursive: true })
  }
})

test("a link to a directory in episodes/ is a stray name: nothing is said of it in every pass", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("../elsewhere", { "done.marker": "" })
  fs.symlinkSync(join(box.home, "elsewhere"), box.path("episodes/linked"))
  await using daemon = box.daemon()
  box.episode("E1")
  await untilRunning(daemon, () => box.exists("shipped/E1"))
  box.episode("E2")
  await untilRunning(daemon, () => box.exists("shipped/E2"))
  expect(linesWith(daemon.stderr(), "linked").length).toBeLessThanOrEqual(1)
})

test("a stray file in episodes/ is neither scanned nor tried", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes", { "notes.txt": "x" })
  const ran = await box.once()
  expect([ran.counts, ran.code], ran.stderr).toEqual([counts({}), 0])
})

test.each([
  ["409", refuses(409, "other content", { stored_sha256: "a".repeat(64) })],
  ["422 digest mismatch", mismatch],
  ["503", refuses(503, "commit", { type: "urn:cis490:problem:commit-unknown" })],
  ["412", refuses(412, "window")]
])("a directory gone when the answer comes (%s) is counted nowhere", async (_, said) => {
  await using receiver = await startFakeReceiver(({ id }) => {
    fs.renameSync(box.path("episodes", id), join(box.home, "away"))
    return said
  })
  using box = makeBox(receiver.url)
  box.episode("E1")
  const ran = await box.once()
  expect(ran.counts, ran.stderr).toEqual(counts({}))
  expect(box.names("outbox")).not.toContain("E1.conflict.json")
})

test("status is said whatever one entry of quarantine/ looks like", async () => {
  using box = makeBox("http://127.0.0.1:1")
  box.put("quarantine/Q1", { x: "" })
  makeDeep(box.path("quarantine/Q1"))
  const ran = await box.run(["status", "--json"])
  expect(ran.code, ran.stderr).toBe(0)
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
