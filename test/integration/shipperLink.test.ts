/** The share of the line that episodes take, and which goes first: the real program, real HTTP. */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { describe, expect, test } from "vitest"
import { startCuttingProxy } from "../support/cuttingProxy.ts"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { type Box, counts, makeBox, untilRunning } from "../support/shipperBox.ts"

/** Half past one in the afternoon in Berlin, half past eleven in UTC. */
const ahead = (): number => Date.parse("2026-07-01T11:30:00Z") - Date.now()
const inBerlin = () => ({ ahead: ahead(), env: { TZ: "Europe/Berlin" } })
const addWindow = (box: Box, window: string): void =>
  fs.appendFileSync(box.configFile, `[[shipper.window]]\n${window}\n`)
const closing = 'from = "13:00"\nto = "14:00"\nrate = 0'

describe("a rate", () => {
  const RATE = 300_000
  const BYTES = 700_000

  test("is kept by all that is sent at a time, and all of it arrives", async () => {
    using centre = makeReceiverBox()
    await using receiver = await centre.start()
    using box = makeBox(receiver.url, { shipper: { rate_limit: RATE, resume_above_bytes: 500_000 } })
    // One goes in one piece, one in several.
    box.episode("E1", { "noise.bin": randomBytes(BYTES / 7) })
    box.episode("E2", { "noise.bin": randomBytes((BYTES * 6) / 7) })
    const began = performance.now()
    const ran = await box.once()
    const seconds = (performance.now() - began) / 1000
    expect([ran.counts, ran.code]).toEqual([counts({ scanned: 2, shipped: 2 }), 0])
    expect(centre.store()).toEqual(["lab-1/E1.tar.zst", "lab-1/E2.tar.zst"])
    // What may go at once is taken off; slower than that it may always be.
    expect(seconds).toBeGreaterThan((BYTES - RATE / 4) / RATE)
    expect(ran.stderr).toContain("the link is shared: at most 300 kB/s (2.4 Mbit/s)")
  })

  test("is shown by status, in bits too, and a closed window with its end", async () => {
    using box = makeBox("http://127.0.0.1:9", { shipper: { rate_limit: 1_250_000 } })
    addWindow(box, closing)
    const open = await box.run(["status"], { env: { TZ: "UTC" }, ahead: ahead() })
    expect(open.stdout).toMatch(/link +at most 1\.25 MB\/s \(10 Mbit\/s\)/)
    const closed = await box.run(["status"], inBerlin())
    expect(closed.stdout).toMatch(/link +window closed until 14:00/)
    const { link } = JSON.parse((await box.run(["status", "--json"], inBerlin())).stdout)
    expect(link).toMatchObject({ bytes_per_second: 0, opens_at: "2026-07-01T12:00:00.000Z" })
  })
})

test("a line on which a tarball takes longer than the limit on silence is slow, and not silent", async () => {
  using centre = makeReceiverBox()
  await using receiver = await centre.start()
  await using line = await startCuttingProxy(() => receiver.port, { rate: 250_000, narrow: true })
  using box = makeBox(line.url, { shipper: { request_timeout_s: 2 } })
  box.episode("E1", { "noise.bin": randomBytes(1_000_000) })
  const ran = await box.once()
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(centre.store()).toEqual(["lab-1/E1.tar.zst"])
  expect(line.connections()).toBe(1)
})

describe("once, while a window is closed,", () => {
  test("sends nothing, says until when, and ends with 1 because something is left", async () => {
    await using receiver = await startFakeReceiver()
    using box = makeBox(receiver.url)
    addWindow(box, closing)
    box.episode("E1")
    box.put("episodes/E2", { "meta.json": "{}" })
    const ran = await box.run(["once"], inBerlin())
    expect(ran.code).toBe(1)
    expect(ran.stdout).toContain("window closed until 14:00: 1 finished episode left")
    expect(ran.stderr).toContain("nothing is sent: window closed until 14:00")
    expect(receiver.heard).toEqual([])
    expect([box.names("outbox"), box.names("episodes")]).toEqual([[], ["E1", "E2"]])
    expect((await box.run(["status"])).stdout).toMatch(/last error +never/)
  })

  test("ends with 0 when nothing is left", async () => {
    using box = makeBox("http://127.0.0.1:9")
    addWindow(box, closing)
    expect((await box.run(["once"], inBerlin())).code).toBe(0)
  })

  test("goes by the time of the place: in UTC the same window is open", async () => {
    await using receiver = await startFakeReceiver()
    using box = makeBox(receiver.url)
    addWindow(box, closing)
    box.episode("E1")
    const ran = await box.once({ env: { TZ: "UTC" }, ahead: ahead() })
    expect([ran.counts, ran.code]).toEqual([counts({ scanned: 1, shipped: 1 }), 0])
  })
})

describe("the order", () => {
  const ship = async (order: string, play?: Parameters<typeof startFakeReceiver>[0]) => {
    const receiver = await startFakeReceiver(play)
    const box = makeBox(receiver.url, { shipper: { concurrency: 1, order } })
    const sizes = { E1: 3000, E2: 1000, E3: 4000, E4: 2000 }
    for (const [id, bytes] of Object.entries(sizes)) box.episode(id, { "noise.bin": randomBytes(bytes) })
    box.put("episodes/E0", { "meta.json": "{}" })
    return {
      box,
      receiver,
      [Symbol.asyncDispose]: async () => {
        box[Symbol.dispose]()
        await receiver[Symbol.asyncDispose]()
      }
    }
  }

  test.each([
    ["oldest-first", ["E1", "E2", "E3", "E4"]],
    ["newest-first", ["E4", "E3", "E2", "E1"]],
    ["smallest-first", ["E2", "E4", "E1", "E3"]]
  ])("%s", async (order, expected) => {
    await using world = await ship(order)
    const { counts: shipped } = await world.box.once()
    expect(shipped).toEqual(counts({ scanned: 4, shipped: 4 }))
    expect(world.receiver.sent()).toEqual(expected)
  })

  test.each([
    ["newest-first", ["E4", "E3", "E2", "E1", "E4"]],
    ["smallest-first", ["E2", "E4", "E1", "E3", "E2"]]
  ])("%s, but what stopped an earlier pass comes last", async (order, expected) => {
    await using world = await ship(order, ({ id }, seen) =>
      id === expected[0] && seen === 1 ? refuses(503, "cannot store") : "good"
    )
    await world.box.once()
    await world.box.once()
    expect(world.receiver.sent()).toEqual(expected)
  })

  test("newest-first goes through more names than are held at a time", async () => {
    await using world = await ship("newest-first")
    const { box, receiver } = world
    box.configure({ shipper: { concurrency: 8, order: "newest-first" } })
    for (let i = 0; i < 1100; i++) box.put(`episodes/F${String(i).padStart(4, "0")}`, { "meta.json": "{}" })
    expect((await box.once()).counts).toEqual(counts({ scanned: 4, shipped: 4 }))
    expect(receiver.sent().toSorted()).toEqual(["E1", "E2", "E3", "E4"])
  })
})

test("429 with Retry-After to a check-in holds the episodes back too", async () => {
  await using receiver = await startFakeReceiver(({ path }) =>
    path === "/v1/ping" ? refuses(429, "too many at once", {}, { "retry-after": "3600" }) : "good"
  )
  using box = makeBox(receiver.url)
  box.configure({ shipper: { checkin_interval_s: 0.05, backoff_seconds: [0.001] } })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => /check-in failed/.test(daemon.stderr()))
  box.episode("E1")
  await untilRunning(daemon, () => /asked to be left alone/.test(daemon.stderr()))
  await box.run(["status"])
  expect(receiver.heard.map(({ path }) => path)).toEqual(["/v1/ping"])
})
