import { utimesSync } from "node:fs"
import { expect, test } from "vitest"
import { type FakeReceiver, proxySays, refuses, type Script, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, DAY, makeBox, RECORDED } from "../support/shipperBox.ts"

const ago = (days: number): Date => new Date(Date.now() - days * DAY)
const every = { quarantine_cleanup_interval_s: 0 }

/** The receiver's own word that it holds something else. */
const holdsOther = says(200, undefined, {
  "repr-digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:`,
  "content-length": "299",
  "x-cis490-content-sha256": "0".repeat(64)
})

/** A quarantine entry of this age; `mtime` is the directory's own. */
const refused = (box: Box, name: string, days: number, mtime = days): void => {
  const reason = {
    reason: "refused",
    episode_id: "E1",
    status_code: 418,
    error: "teapot",
    body: null,
    commit: null,
    quarantined_at_wall: ago(days).toISOString()
  }
  box.put(`quarantine/${name}`, { ...RECORDED, "quarantine_reason.json": JSON.stringify(reason) })
  utimesSync(box.path("quarantine", name), ago(mtime), ago(mtime))
}

test("quarantine_keep_days: age from the later of mtime and quarantined_at_wall; each removal is logged", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { retention: { quarantine_keep_days: 10, ...every } })
  refused(box, "old", 11)
  refused(box, "young", 9)
  refused(box, "old-touched-lately", 20, 1)
  refused(box, "old-mtime", 1, 20)
  refused(box, "old~1", 30)
  box.put("quarantine/no-reason-old", RECORDED)
  utimesSync(box.path("quarantine/no-reason-old"), ago(40), ago(40))
  box.put("quarantine/no-reason-young", RECORDED)
  const ran = await box.once()
  expect(ran.code).toBe(0)
  expect(box.names("quarantine")).toEqual(["no-reason-young", "old-mtime", "old-touched-lately", "young"])
  for (const name of ["old", "old~1", "no-reason-old"]) expect(ran.stderr).toContain(name)
})

test("a reason that lacks other members still says when: nothing is deleted before its time", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { retention: { quarantine_keep_days: 10, ...every } })
  const quarantined_at_wall = ago(1).toISOString()
  box.put("quarantine/E1", { ...RECORDED, "quarantine_reason.json": JSON.stringify({ quarantined_at_wall }) })
  utimesSync(box.path("quarantine/E1"), ago(20), ago(20))
  await box.once()
  expect(box.names("quarantine")).toEqual(["E1"])
})

test("0 days = never, for both", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { retention: { quarantine_keep_days: 0, keep_local_for_days: 0, ...every } })
  refused(box, "ancient", 9000)
  box.episode("E1")
  await box.once()
  await age(box, receiver, 9000)
  await box.once()
  expect([box.names("quarantine"), box.exists("shipped/E1/meta.json")]).toEqual([["ancient"], true])
})

test("cleaning happens at most once per quarantine_cleanup_interval_s, counted across processes", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { retention: { quarantine_keep_days: 1, quarantine_cleanup_interval_s: 3600 } })
  refused(box, "first", 2)
  await box.once()
  expect(box.names("quarantine")).toEqual([])
  refused(box, "second", 2)
  await box.once()
  expect(box.names("quarantine")).toEqual(["second"])
  await box.once({ ahead: 3_700_000 })
  expect(box.names("quarantine")).toEqual([])
})

/** Makes the receipt of E1 say that it was shipped so long ago. */
const age = async (box: Box, receiver: FakeReceiver, days: number): Promise<void> => {
  expect(receiver.stored.size).toBeGreaterThan(0)
  const receipt = box.json("shipped/E1.receipt.json")
  box.put("shipped", { "E1.receipt.json": JSON.stringify({ ...receipt, shipped_at: ago(days).toISOString() }) })
}

const shipped = async (receiver: FakeReceiver, days: number): Promise<Box> => {
  const box = makeBox(receiver.url, { retention: { keep_local_for_days: 7, ...every } })
  box.episode("E1")
  await box.once()
  await age(box, receiver, days)
  return box
}

test("shipped/ is pruned after keep_local_for_days, once HEAD has confirmed the same content; not before", async () => {
  await using receiver = await startFakeReceiver()
  using box = await shipped(receiver, 6)
  await box.once()
  expect([box.exists("shipped/E1/meta.json"), receiver.heard.filter(({ method }) => method === "HEAD")]).toEqual([
    true,
    []
  ])
  await age(box, receiver, 8)
  const ran = await box.once()
  expect(receiver.last("HEAD").path).toBe("/v1/episodes/lab-1/E1")
  expect(box.names("shipped").filter((name) => name !== "E1.receipt.json")).toEqual([])
  expect(ran.stderr).toContain("E1")
})

test("a receiver that says it has not got it (`not-stored`) brings it back to episodes/, and it is shipped again", async () => {
  await using receiver = await startFakeReceiver()
  using box = await shipped(receiver, 8)
  receiver.stored.clear()
  await box.once()
  expect(box.exists("shipped/E1/meta.json") || box.exists("episodes/E1/meta.json")).toBe(true)
  await box.once()
  expect(receiver.sent()).toEqual(["E1", "E1"])
  expect(box.json("shipped/E1.receipt.json")).toMatchObject({ status: "stored" })
})

test("no other answer to HEAD removes anything or brings anything back", async () => {
  const other = { "x-cis490-content-sha256": "0".repeat(64) }
  const answers: ReadonlyArray<Script> = [
    proxySays(404),
    says(404, undefined, { "x-cis490-problem": "not-found" }),
    holdsOther,
    says(200, undefined, other),
    proxySays(200),
    says(204, undefined, other),
    proxySays(302, { location: "/" }),
    ...[401, 410, 500, 503].map((status) => refuses(status, "no")),
    says(500, undefined, { "x-cis490-problem": "not-stored" }),
    "cut"
  ]
  let said = 0
  await using receiver = await startFakeReceiver(({ method }) =>
    method === "HEAD" ? (answers[said++] ?? "cut") : "good"
  )
  using box = await shipped(receiver, 8)
  while (said < answers.length) {
    const before = said
    await box.once()
    expect(said).toBeGreaterThan(before)
    expect(box.names("shipped"), `answer ${before}`).toEqual(["E1", "E1.receipt.json"])
  }
  expect([box.names("episodes"), receiver.sent()]).toEqual([[], ["E1"]])
})

test.each([
  ["other content", () => holdsOther],
  ["a mistake", () => refuses(500, "a mistake")],
  ["a connection that is cut", () => "cut" as const]
])("one HEAD answered by %s does not hold up its neighbours' pruning", async (_, answer) => {
  await using receiver = await startFakeReceiver(({ id, method }) =>
    method === "HEAD" && id === "E1" ? answer() : "good"
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2"]) box.episode(id)
  await box.once()
  box.configure({ retention: { keep_local_for_days: 1e-9, ...every } })
  await box.once()
  expect(box.names("shipped").filter((name) => !name.endsWith(".json"))).toEqual(["E1"])
})

test("what the receiver holds without saying which content is kept, and holds up no pruning of others", async () => {
  const holdsUnknown = says(200, undefined, {
    "repr-digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:`,
    "content-length": "299"
  })
  await using receiver = await startFakeReceiver(({ id, method }) =>
    method === "HEAD" && id !== "E4" ? holdsUnknown : "good"
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2", "E3", "E4"]) box.episode(id)
  await box.once()
  box.configure({ retention: { keep_local_for_days: 1e-9, ...every } })
  const { stderr } = await box.once()
  expect(box.names("shipped").filter((name) => !name.endsWith(".json"))).toEqual(["E1", "E2", "E3"])
  expect(stderr).toContain("does not say which content")
})

test("a receipt that cannot be read, and a directory without one, are not pruned", async () => {
  await using receiver = await startFakeReceiver()
  using box = await shipped(receiver, 8)
  box.put("shipped", { "E1.receipt.json": "{torn" })
  box.put("shipped/E2", RECORDED)
  await box.once()
  expect(box.names("shipped")).toEqual(expect.arrayContaining(["E1", "E2"]))
  expect(box.exists("shipped/E1/meta.json")).toBe(true)
})

test("a wall clock that jumped by more than a day makes cleaning and pruning wait, in the next process too", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, {
    retention: { quarantine_keep_days: 30, keep_local_for_days: 7, ...every }
  })
  box.episode("E1")
  refused(box, "bad", 1)
  await box.once()
  const jumped = await box.once({ ahead: 400 * DAY })
  expect([box.names("quarantine"), box.exists("shipped/E1/meta.json")], jumped.stderr).toEqual([["bad"], true])
  await box.once({ ahead: 400 * DAY + 60_000 })
  expect([box.names("quarantine"), box.exists("shipped/E1/meta.json")]).toEqual([["bad"], true])
})

const floored = { paths: { min_free_bytes: Number.MAX_SAFE_INTEGER } }

test("below min_free_bytes shipped/ is pruned ahead of its days, each confirmed; nothing else is deleted", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  refused(box, "bad", 1)
  await box.once()
  box.configure({ ...floored, retention: { keep_local_for_days: 7, ...every } })
  box.put("episodes/recording", RECORDED)
  await box.once()
  expect(receiver.heard.filter(({ method }) => method === "HEAD").map(({ id }) => id)).toEqual(["E1", "E2", "E3"])
  expect(box.names("shipped").filter((name) => !name.endsWith(".json"))).toEqual([])
  expect([box.names("quarantine"), box.names("episodes")]).toEqual([["bad"], ["recording"]])
})

const crowded = { ...floored, retention: { keep_local_for_days: 7 } }
const directories = (box: Box) => box.names("shipped").filter((name) => !name.endsWith(".json"))
const asked = (receiver: FakeReceiver) => receiver.heard.filter(({ method }) => method === "HEAD").map(({ id }) => id)

test("below min_free_bytes a receiver that gave no word is asked again after some minutes, not after the interval", async () => {
  let isUp = false
  await using receiver = await startFakeReceiver(({ method }) => (method === "HEAD" && !isUp ? "cut" : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  box.configure(crowded)
  for (const ahead of [0, 200_000]) await box.once({ ahead })
  expect([directories(box), asked(receiver)]).toEqual([["E1"], ["E1"]])
  isUp = true
  await box.once({ ahead: 400_000 })
  expect([directories(box), asked(receiver)]).toEqual([[], ["E1", "E1"]])
})

test("below min_free_bytes what is retired after all was pruned in vain is pruned too, and only that is asked about", async () => {
  await using receiver = await startFakeReceiver(({ id, method }) =>
    method === "HEAD" && id === "E1" ? holdsOther : "good"
  )
  using box = makeBox(receiver.url)
  box.episode("E1")
  await box.once()
  box.configure(crowded)
  await box.once()
  box.episode("E2")
  for (const _ of ["E2 is shipped", "E2 is pruned", "nothing is left to ask"]) await box.once()
  expect([directories(box), asked(receiver)]).toEqual([["E1"], ["E1", "E2"]])
  await box.once({ ahead: 3_700_000 })
  expect(asked(receiver)).toEqual(["E1", "E2", "E1"])
})

test("below min_free_bytes nothing goes that the receiver does not confirm", async () => {
  await using receiver = await startFakeReceiver(({ method }) => (method === "HEAD" ? refuses(503, "not now") : "good"))
  using box = makeBox(receiver.url, { retention: { keep_local_for_days: 7, ...every } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  await box.once()
  box.configure({ ...floored, retention: { keep_local_for_days: 7, ...every } })
  await box.once()
  expect(box.names("shipped").filter((name) => !name.endsWith(".json"))).toEqual(["E1", "E2", "E3"])
})
