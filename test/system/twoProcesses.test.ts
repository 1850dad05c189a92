/** One process writes a store, and one a data root: the kernel's lock, held and released by real processes. */
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeEpisode, PATH, putOf } from "../support/episode.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox, untilRunning } from "../support/shipperBox.ts"
import { send, until } from "../support/wire.ts"

const receiver = makeReceiverBox()
let first: Awaited<ReturnType<typeof receiver.start>>
beforeAll(async () => {
  first = await receiver.start()
  return async () => void (await first.stop("SIGKILL"))
})
afterAll(() => receiver[Symbol.dispose]())

test.each(["run", "backfill"])("a second receiver's %s ends with 1 and names the first one", async (command) => {
  await using program = receiver.launch([command])
  await until(() => program.over() || program.stderr().includes("listening"))
  expect(program.over()).toBe(true)
  const second = await program.ended
  expect(second.code, second.stderr).toBe(1)
  expect(second.stderr).toContain(`pid ${first.pid} `)
  expect((await send(first.port, { method: "GET", path: "/v1/health" })).status).toBe(200)
})

test("verify only reads, beside a running one", async () => {
  const { tarball } = makeEpisode()
  expect((await send(first.port, putOf(tarball))).status).toBe(201)
  const verified = await receiver.run(["verify"])
  expect(verified.code, verified.stderr).toBe(0)
})

test("after SIGKILL the next one starts, with everything that was stored", async () => {
  const { signal } = await first.stop("SIGKILL")
  expect(signal).toBe("SIGKILL")
  first = await receiver.start()
  expect(first.ownPid).toBe(first.pid)
  expect((await send(first.port, { method: "HEAD", path: PATH })).status).toBe(200)
  expect((await send(first.port, putOf(makeEpisode().tarball))).status).toBe(200)
  expect(receiver.rows()).toHaveLength(1)
})

test("a second shipper ends with 1 and names the first one, which goes on; after SIGKILL the next one works", async () => {
  using box = makeBox(first.url)
  await using daemon = box.daemon()
  await untilRunning(daemon, () => daemon.stderr().includes("started"))
  const second = await box.run(["once"])
  expect(second.code, second.stderr).toBe(1)
  expect(second.stderr).toContain(`pid ${daemon.pid} `)
  await daemon.stop("SIGKILL")
  box.episode("E2")
  const third = await box.once()
  expect(third.counts, third.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})
