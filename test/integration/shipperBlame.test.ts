/** Who is to blame when passes go wrong: an episode, or the link. */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, makeBox } from "../support/shipperBox.ts"

const mismatch = refuses(422, "digest mismatch: body")

test("an episode on which the receiver falls silent comes last in the next pass: its neighbours are shipped", async () => {
  await using receiver = await startFakeReceiver(({ id }) => (id === "E1" ? "stall" : "good"))
  using box = makeBox(receiver.url, { shipper: { concurrency: 1, request_timeout_s: 0.3 } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  await box.once()
  await box.once()
  await box.once()
  expect(receiver.sent()).toContain("E2")
  expect(box.names("episodes")).toEqual(["E1"])
})

test("once two episodes have shown that the link is to blame, it stays to blame until something arrives whole", async () => {
  await using receiver = await startFakeReceiver(() => mismatch)
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  for (const _ of [1, 2, 3]) await box.once()
  box.episode("E2")
  for (const _ of [1, 2, 3, 4, 5]) await box.once()
  expect(box.names("episodes")).toEqual(["E2"])
})

test("a pass that was stopped has not shown that a suspect is to blame", async () => {
  let passes = 0
  await using receiver = await startFakeReceiver(({ id }) =>
    passes === 5 && id === "E2" ? refuses(503, "cannot store") : mismatch
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  box.episode("E2")
  for (passes = 1; passes <= 5; passes++) await box.once()
  expect(box.names("quarantine")).toEqual([])
})

test("a refusal from the headers alone has not shown that the link is good", async () => {
  await using receiver = await startFakeReceiver(({ id }) =>
    id === "E2" ? refuses(412, "not in the window") : mismatch
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E3"]) box.episode(id)
  for (const _ of [1, 2]) await box.once()
  box.episode("E2")
  await box.once()
  expect(box.names("episodes")).toEqual(["E1", "E3"])
})

test("a suspect that is gone is not laid at its neighbour's door", async () => {
  let gone = false
  await using receiver = await startFakeReceiver(({ id }) => {
    if (id === "E1") return mismatch
    if (gone) fs.renameSync(box.path("episodes/E1"), join(box.home, "away"))
    return "good"
  })
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  await box.once()
  await box.once()
  gone = true
  box.episode("E2")
  const ran = await box.once()
  expect(box.names("shipped"), ran.stderr).toContain("E2")
})

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
