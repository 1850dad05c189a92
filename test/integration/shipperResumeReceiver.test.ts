/** Shipper and receiver, and between them a way that is cut again and again. */
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { startCuttingProxy } from "../support/cuttingProxy.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox, untilRunning } from "../support/shipperBox.ts"

const MIB = 1024 * 1024
const NOISE = randomBytes(12 * MIB)
const SHIPPED = counts({ scanned: 1, shipped: 1 })

const sha256Of = (path: string): string => createHash("sha256").update(fs.readFileSync(path)).digest("hex")

describe("a way that is cut", () => {
  it("every 3 MiB: the episode arrives in one pass, and hardly a byte travels twice", async () => {
    using receiver = makeReceiverBox()
    await using running = await receiver.start()
    // So slow that what was carried is not still on its way within the receiver's machine when the next question comes.
    await using proxy = await startCuttingProxy(() => running.port, { after: () => 3 * MIB, rate: 6 * MIB })
    using box = makeBox(proxy.url, { shipper: { backoff_seconds: [1] } })
    box.episode("E1", { "telemetry-net.pcap": NOISE })
    const ran = await box.once()
    expect(ran.counts, ran.stderr).toEqual(SHIPPED)
    expect(proxy.cuts()).toBeGreaterThanOrEqual(3)
    const [row] = receiver.rows()
    expect(row?.["sha256"]).toBe(sha256Of(receiver.stored("lab-1", "E1")))
    const bytes = fs.statSync(receiver.stored("lab-1", "E1")).size
    expect(proxy.carried() / bytes).toBeLessThan(1.02)
    expect(receiver.incoming().filter((name) => name.startsWith("uploads/"))).toEqual([])
  })

  it("by a receiver and a shipper that are killed: what was acknowledged is not sent again", async () => {
    using receiver = makeReceiverBox()
    const first = await receiver.start()
    let { port } = first
    await using proxy = await startCuttingProxy(() => port, { after: (nth) => (nth === 1 ? 5 * MIB : Infinity) })
    using box = makeBox(proxy.url)
    box.episode("E1", { "telemetry-net.pcap": NOISE })
    const daemon = box.daemon()
    await untilRunning(daemon, () => proxy.cuts() === 1)
    await Promise.all([first.stop("SIGKILL"), daemon.stop("SIGKILL")])
    const before = proxy.carried()
    await using second = await receiver.start()
    port = second.port
    const ran = await box.once()
    expect(ran.counts, ran.stderr).toEqual(SHIPPED)
    const { size } = fs.statSync(receiver.stored("lab-1", "E1"))
    // Two appends of 1 and 2 MiB; of the third, what was on disk when the receiver was killed.
    expect(proxy.carried() - before).toBeLessThan(size - 3 * MIB + 10_000)
  })
})

it("a conflict, a refusal and what is there already cost no byte of a large tarball", async () => {
  using receiver = makeReceiverBox({ limits: { max_episode_bytes: 13 * MIB } })
  await using running = await receiver.start()
  await using proxy = await startCuttingProxy(() => running.port)
  using box = makeBox(proxy.url)
  box.episode("E1", { "telemetry-net.pcap": NOISE })
  expect((await box.once()).counts).toEqual(SHIPPED)
  const before = proxy.carried()
  await box.run(["reship", "E1"])
  expect((await box.once()).counts).toEqual(SHIPPED)
  box.episode("E1", { "telemetry-net.pcap": randomBytes(12 * MIB) })
  box.episode("E2", { "telemetry-net.pcap": randomBytes(14 * MIB) })
  expect((await box.once()).counts).toEqual(counts({ scanned: 2, conflicts: 1, fatal: 1 }))
  expect(proxy.carried() - before).toBeLessThan(10_000)
})
