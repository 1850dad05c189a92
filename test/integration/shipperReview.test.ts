import * as fs from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import { expect, test } from "vitest"
import { makeDeep } from "../support/deepTree.ts"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, DAY, makeBox, untilRunning } from "../support/shipperBox.ts"

const linesWith = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part))
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

test("a body nested deeper than can be written is no end of the program", async () => {
  const deep = `{"error":"invalid archive: x","n":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
  await using receiver = await startFakeReceiver(({ id }) =>
    id === "E1" ? { status: 422, headers: { "content-type": "application/problem+json" }, body: deep } : "good"
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  box.episode("E2")
  const ran = await box.run(["once", "--json"])
  expect(ran.stderr).not.toContain("this is a mistake in")
  expect(JSON.parse(ran.stdout)).toEqual(counts({ scanned: 2, shipped: 1, fatal: 1 }))
})

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

test("status is said whatever one entry of quarantine/ looks like", async () => {
  using box = makeBox("http://127.0.0.1:1")
  box.put("quarantine/Q1", { x: "" })
  makeDeep(box.path("quarantine/Q1"))
  const ran = await box.run(["status", "--json"])
  expect(ran.code, ran.stderr).toBe(0)
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

test("retry beside a pass under way is no trouble of the episode", async () => {
  await using receiver = await startFakeReceiver(({ id }) => {
    if (id === "E2") return refuses(409, "other content", { stored_sha256: "a".repeat(64) })
    if (id === "E1") fs.rmSync(box.path("outbox/E2.conflict.json"))
    return "good"
  })
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E2")
  await box.once()
  box.episode("E1")
  const ran = await box.once()
  expect(ran.stderr).not.toContain("cannot be packed now")
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

/** A server that answers everything with a body that never ends. */
const startEndless = async (trickle: boolean) => {
  let open = 0
  let seen = 0
  const server = net.createServer((socket) => {
    open++
    socket.on("error", () => {})
    let timer: NodeJS.Timeout | undefined
    socket.on("close", () => {
      open--
      clearInterval(timer)
    })
    let answered = false
    socket.on("data", () => {
      if (answered) return
      answered = true
      seen++
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
      const piece = trickle ? "1\r\n \r\n" : `10000\r\n${" ".repeat(65536)}\r\n`
      timer = setInterval(() => socket.write(piece), trickle ? 20 : 1)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    open: () => open,
    seen: () => seen,
    [Symbol.asyncDispose]: async () => void server.close()
  }
}

test.each([
  true,
  false
])("a reply that never ends ends, and leaves no connection open (trickles: %s)", async (trickle) => {
  await using endless = await startEndless(trickle)
  using box = makeBox(endless.url, { shipper: { request_timeout_s: 0.3, checkin_interval_s: 0.1 } })
  box.episode("E1")
  {
    await using daemon = box.daemon()
    await untilRunning(daemon, () => endless.seen() >= 20)
    expect(endless.open()).toBeLessThan(6)
  }
})
