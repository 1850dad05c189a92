import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { type Heard, refuses, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, COMMIT, counts, makeBox } from "../support/shipperBox.ts"
import { sha256Of } from "../support/wire.ts"

const OTHER = createHash("sha256").update("other").digest("hex")
const contentOf = ({ headers }: Heard): string => String(headers["x-cis490-content-sha256"])
const conflict = (heard: Heard) =>
  refuses(409, "other content is stored under this id", {
    stored_sha256: OTHER,
    your_sha256: sha256Of(heard.body),
    remediation: "resolve it"
  })
const stands = (box: Box): void => {
  expect(box.names("episodes")).toEqual(["E1"])
  expect(box.names("outbox")).toEqual(["E1.conflict.json"])
}
const HELD = counts({ scanned: 1, conflicts: 1 })

test("409: note with both digests and when, tarball removed, not sent again, counted again, exit 1", async () => {
  await using receiver = await startFakeReceiver(conflict)
  using box = makeBox(receiver.url)
  box.episode("E1")
  for (const _ of [1, 2]) {
    const ran = await box.once()
    expect([ran.counts, ran.code]).toEqual([HELD, 1])
    stands(box)
  }
  const heard = receiver.last("PUT")
  expect(receiver.heard).toHaveLength(1)
  const note = box.json("outbox/E1.conflict.json")
  expect(note).toMatchObject({ episode_id: "E1", stored_sha256: OTHER, your_sha256: sha256Of(heard.body) })
  expect(Object.values(note)).toContainEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/))
})

test("409 naming the content digest for ours, or none, is a conflict as well; neighbours go on", async () => {
  await using receiver = await startFakeReceiver((heard) => {
    if (heard.id === "E1") return refuses(409, "other", { stored_sha256: OTHER, your_sha256: contentOf(heard) })
    return heard.id === "E2" ? refuses(409, "other") : "good"
  })
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  const ran = await box.once()
  expect([ran.counts, ran.code]).toEqual([counts({ scanned: 3, shipped: 1, conflicts: 2 }), 1])
  expect(box.names("outbox")).toEqual(["E1.conflict.json", "E2.conflict.json"])
})

test("a held conflict is sent again when the episode changes, and its note goes", async () => {
  await using receiver = await startFakeReceiver((heard, seen) => (seen === 1 ? conflict(heard) : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  box.put("episodes/E1", { "events.jsonl": "{}\n{}\n" })
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(box.names("outbox")).toEqual([])
})

test("one that changes all the time is not sent all the time: after three changes it is held, until it is told to be sent again", async () => {
  await using receiver = await startFakeReceiver(conflict)
  using box = makeBox(receiver.url)
  box.episode("E1")
  for (let pass = 1; pass <= 6; pass++) {
    expect((await box.once()).counts).toEqual(HELD)
    stands(box)
    box.put("episodes/E1", { "events.jsonl": "{}\n".repeat(pass + 1) })
  }
  expect(receiver.heard).toHaveLength(3)
  expect((await box.run(["retry", "E1"])).code).toBe(0)
  expect((await box.once()).counts).toEqual(HELD)
  expect(receiver.heard).toHaveLength(4)
})

test("retry clears the note: sent again", async () => {
  await using receiver = await startFakeReceiver((heard, seen) => (seen === 1 ? conflict(heard) : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  expect((await box.run(["retry", "E1"])).code).toBe(0)
  expect(box.names("outbox")).toEqual([])
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("resolve --as sends it under the new id", async () => {
  await using receiver = await startFakeReceiver((heard) => (heard.id === "E1" ? conflict(heard) : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  expect((await box.run(["resolve", "E1", "--as", "E1-b"])).code).toBe(0)
  expect(box.names("episodes")).toEqual(["E1-b"])
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect([box.names("outbox"), receiver.sent()]).toEqual([[], ["E1", "E1-b"]])
})

test("resolve --keep-stored puts ours into quarantine (`conflict`), with the receiver's body, whole, and the commit", async () => {
  await using receiver = await startFakeReceiver(conflict)
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  const ran = await box.run(["resolve", "E1", "--keep-stored", "--json"])
  const moved = { episode_id: "E1", moved_to: "quarantine/E1" }
  expect([ran.code, JSON.parse(ran.stdout)], ran.stderr).toEqual([0, { done: [moved], failed: [] }])
  expect([box.names("episodes"), box.names("outbox"), box.names("quarantine")]).toEqual([[], [], ["E1"]])
  const { body, ...reason } = box.json("quarantine/E1/quarantine_reason.json")
  expect(reason).toMatchObject({ reason: "conflict", episode_id: "E1", status_code: 409, commit: COMMIT })
  expect(body).toEqual({
    type: "urn:cis490:problem:x",
    title: "x",
    status: 409,
    error: "other content is stored under this id",
    stored_sha256: OTHER,
    your_sha256: sha256Of(receiver.last("PUT").body),
    remediation: "resolve it"
  })
  expect((await box.once()).counts).toEqual(counts({}))
})

test("a note that cannot be read still holds or sends, and never loses the episode", async () => {
  await using receiver = await startFakeReceiver(conflict)
  using box = makeBox(receiver.url)
  box.episode("E1")
  box.put("outbox", { "E1.conflict.json": "{torn" })
  expect((await box.once()).counts).toEqual(HELD)
  expect(box.names("episodes")).toEqual(["E1"])
})

test("resolve and retry of what is not held say so: exit 1, usage errors: exit 2", async () => {
  using box = makeBox("http://127.0.0.1:1")
  box.episode("E1")
  for (const args of [
    ["resolve", "E1", "--keep-stored"],
    ["resolve", "E1", "--as", "E2"],
    ["retry", "E1"]
  ]) {
    expect([args, (await box.run(args)).code]).toEqual([args, 1])
  }
  for (const args of [["resolve", "E1"], ["retry"], ["resolve", "E1", "--keep-stored", "--as", "E2"], ["nonsense"]]) {
    expect([args, (await box.run(args)).code]).toEqual([args, 2])
  }
  expect(box.names("episodes")).toEqual(["E1"])
})

test("requeue brings an entry back without its reason; it ships", async () => {
  await using receiver = await startFakeReceiver((_, seen) => (seen === 1 ? refuses(412, "out of window") : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  await box.run(["requeue", "--all", "--reason", "too_large"])
  expect(box.names("quarantine")).toEqual(["E1"])
  expect((await box.run(["requeue", "--all", "--reason", "out_of_window"])).code).toBe(0)
  expect(box.exists("episodes/E1/quarantine_reason.json")).toBe(false)
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("reship sends again what was shipped", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  expect((await box.run(["reship", "E1"])).code).toBe(0)
  expect(box.names("episodes")).toEqual(["E1"])
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(box.names("shipped")).toEqual(["E1", "E1.receipt.json"])
  expect(box.json("shipped/E1.receipt.json")).toMatchObject({ status: "already_present" })
})

test("drain quarantines what has no valid commit (`unstamped`), is idempotent, and says before what it would do", async () => {
  using box = makeBox("http://127.0.0.1:1")
  box.episode("good")
  box.episode("bad", { "meta.json": "{}" })
  box.put("episodes/recording", { "meta.json": "{}" })
  expect((await box.run(["drain", "--dry-run"])).code).toBe(0)
  expect(box.names("episodes")).toEqual(["bad", "good", "recording"])
  for (const _ of [1, 2]) {
    expect((await box.run(["drain"])).code).toBe(0)
    expect([box.names("episodes"), box.names("quarantine")]).toEqual([["good", "recording"], ["bad"]])
  }
  expect(box.json("quarantine/bad/quarantine_reason.json")).toMatchObject({
    reason: "unstamped",
    episode_id: "bad",
    status_code: 0,
    body: null,
    commit: null
  })
})

test("the receiver's body is kept whole, however odd", async () => {
  const body = { error: "größe \u2028 \u0007", nested: { a: [1, null, "x"] }, remediation: 5 }
  await using receiver = await startFakeReceiver(() => says(413, body))
  using box = makeBox(receiver.url)
  box.episode("E1")
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, fatal: 1 }))
  expect(box.json("quarantine/E1/quarantine_reason.json").body).toEqual(body)
})
