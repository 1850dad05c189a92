/** Uploads and a receiver that dies: what was told once holds, what was stored is whole, and what is given up goes. */
import * as fs from "node:fs"
import { basename, join } from "node:path"
import { expect, test } from "vitest"
import { completeOf, draftClient, offsetOf } from "../support/draftClient.ts"
import { Cut, textOf } from "../support/draftWire.ts"
import { makeReceiverBox, type ReceiverBox } from "../support/receiverBox.ts"
import { DAY } from "../support/shipperBox.ts"
import { type Shipment, shipment } from "../support/upload.ts"
import { until } from "../support/wire.ts"

const KIB = 1024
const MIB = KIB * KIB

/** A receiver that is started again and again on the same directories. */
const makeNode = (over: Parameters<typeof makeReceiverBox>[0] = {}) => {
  const box = makeReceiverBox(over)
  let running: Awaited<ReturnType<typeof box.start>> | undefined
  const client = draftClient(() => running?.port ?? 0)
  const start = async (ahead?: number) => {
    running = await box.start(ahead === undefined ? {} : { ahead })
  }
  const stop = async (signal: NodeJS.Signals = "SIGKILL") => {
    await running?.stop(signal)
    running = undefined
  }
  return {
    box,
    client,
    start,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      box[Symbol.dispose]()
    }
  }
}

const expectStored = (box: ReceiverBox, { episodeId, hostId, tarball }: Shipment): void => {
  expect(Buffer.compare(fs.readFileSync(box.stored(hostId, episodeId)), tarball)).toBe(0)
  expect(box.rows().filter((row) => row.episode_id === episodeId)).toHaveLength(1)
}

test("killed again and again in mid-append: no offset goes back, and what is stored is exact", async () => {
  await using node = makeNode()
  const { box, client } = node
  const wanted = shipment("lab-1", "E1", 8 * MIB)
  await node.start()
  const upload = await client.created(wanted, wanted.tarball.length)
  let offset = 0
  for (let round = 0; round < 12; round++) {
    const rest = wanted.tarball.subarray(offset, offset + 512 * KIB)
    const under = client.patch(upload, offset, undefined, { announced: rest.length })
    // A death at another moment each time: before, while, and after it comes.
    const before = Math.floor((rest.length * round) / 11)
    await under.write(rest.subarray(0, before))
    if (round % 3 === 1) await until(() => box.incoming().length > 0)
    const dying = node.stop()
    await under.write(rest.subarray(before))
    const answer = await client.heard(upload, under, offset).catch((error: unknown) => {
      if (!(error instanceof Cut)) throw error
      return undefined
    })
    await dying
    const acknowledged = answer?.status === 204 ? offset + rest.length : offset
    await node.start()
    const seen = await client.state(upload)
    expect(seen).toMatchObject({ complete: false, length: wanted.tarball.length })
    expect(seen.offset).toBeGreaterThanOrEqual(acknowledged)
    expect(seen.offset).toBeLessThanOrEqual(offset + rest.length)
    offset = seen.offset
  }
  const answer = await client.finish(upload, wanted.tarball, MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expectStored(box, wanted)
})

test("killed while one completes: it is stored, or goes on", async () => {
  await using node = makeNode()
  const { box, client } = node
  for (let round = 0; round < 10; round++) {
    const wanted = shipment("lab-1", `E${round}`, 400_000)
    await node.start()
    const upload = await client.created(wanted, wanted.tarball.length)
    expect((await client.append(upload, 0, wanted.tarball.subarray(0, 300_000))).status).toBe(204)
    const names = box.incoming().length
    client.patch(upload, 300_000, wanted.tarball.subarray(300_000), { complete: true })
    const stored = () => box.incoming().length === 0 || box.store().includes(`lab-1/E${round}.tar.zst`)
    if (round % 2 === 0) await until(() => stored() || box.incoming().length !== names)
    await node.stop()
    await node.start()
    const seen = await client.look(upload)
    if (seen.status < 300 && completeOf(seen) === false) {
      expect(offsetOf(seen)).toBeGreaterThanOrEqual(300_000)
      const answer = await client.finish(upload, wanted.tarball, MIB)
      expect([200, 201], textOf(answer)).toContain(answer.status)
    } else {
      // None is left, or it is complete: then the episode is there.
      const answer = await client.create(wanted, wanted.tarball.length)
      expect(answer.status, textOf(answer)).toBe(200)
    }
    expectStored(box, wanted)
    await node.stop("SIGTERM")
  }
})

test("a stop in order lets nobody's offset go back either", async () => {
  await using node = makeNode()
  const { box, client } = node
  const wanted = shipment("lab-1", "E1", MIB)
  await node.start()
  const upload = await client.created(wanted, wanted.tarball.length)
  const under = client.patch(upload, 0, undefined, { announced: wanted.tarball.length, complete: true })
  await under.write(wanted.tarball.subarray(0, 700_000))
  await until(() => box.incoming().length > 0)
  await node.stop("SIGTERM")
  await under.closed
  await client.heard(upload, under, 0).catch(() => undefined)
  await node.start()
  const answer = await client.finish(upload, wanted.tarball, MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expectStored(box, wanted)
})

/** Every file of the uploads, below `incoming/uploads`. */
const files = (box: ReceiverBox): ReadonlyArray<string> => {
  const root = join(box.paths.incoming_root, "uploads")
  return fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
/** 0 for one that has just gone. */
const sizeOf = (path: string): number => fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
const largest = (box: ReceiverBox): string => files(box).toSorted((one, other) => sizeOf(other) - sizeOf(one))[0] ?? ""

test("bytes that a crash left behind the durable ones are never counted as the client's", async () => {
  await using node = makeNode()
  const { box, client } = node
  const wanted = shipment("lab-1", "E1", 300_000)
  await node.start()
  const upload = await client.created(wanted, wanted.tarball.length)
  expect((await client.append(upload, 0, wanted.tarball.subarray(0, 100_000))).status).toBe(204)
  await node.stop()
  // What a disk may hold of writes that were never synced: more than is still to come.
  fs.appendFileSync(largest(box), Buffer.alloc(300_000))
  await node.start()
  const { offset } = await client.state(upload)
  expect(offset).toBe(100_000)
  const answer = await client.finish(upload, wanted.tarball, 70_000)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expectStored(box, wanted)
})

test("an upload that has lost bytes is no upload any more, rather than one with another offset", async () => {
  await using node = makeNode()
  const { box, client } = node
  const wanted = shipment("lab-1", "E1", 300_000)
  await node.start()
  const upload = await client.created(wanted, wanted.tarball.length)
  expect((await client.append(upload, 0, wanted.tarball.subarray(0, 100_000))).status).toBe(204)
  await node.stop()
  fs.truncateSync(largest(box), 50_000)
  await node.start()
  expect([404, 410]).toContain((await client.look(upload)).status)
  expect([404, 410]).toContain((await client.append(upload, 50_000, Buffer.from("x"))).status)
  const anew = await client.created(wanted, wanted.tarball.length)
  expect((await client.finish(anew, wanted.tarball, MIB)).status).toBe(201)
  expectStored(box, wanted)
})

test("a start leaves uploads alone, and is not held up by what is none", async () => {
  await using node = makeNode()
  const { box, client } = node
  const wanted = shipment("lab-1", "E1", 300_000)
  await node.start()
  const upload = await client.created(wanted, wanted.tarball.length)
  await client.append(upload, 0, wanted.tarball.subarray(0, 100_000))
  await node.stop()
  const root = join(box.paths.incoming_root, "uploads")
  const names = fs.readdirSync(root)
  const ours = files(box)
  fs.writeFileSync(join(root, "nonsense"), "nonsense")
  fs.writeFileSync(join(root, "nonsense.json"), '{"half": ')
  fs.writeFileSync(join(root, "A".repeat(22)), "")
  fs.writeFileSync(join(root, `${"B".repeat(22)}.json`), "[]")
  fs.mkdirSync(join(root, "a-directory"))
  fs.symlinkSync("/etc/passwd", join(root, "C".repeat(22)))
  // Halves of uploads: each file of ours without its companions, under a name of the same shape.
  for (const [at, path] of ours.entries()) {
    fs.copyFileSync(path, join(root, basename(path).replace(/[A-Za-z0-9]{8}/, `${at}`.repeat(8))))
  }
  await node.start()
  expect(fs.readdirSync(root)).toEqual(expect.arrayContaining(names))
  const answer = await client.finish(upload, wanted.tarball, MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expectStored(box, wanted)
  expect(fs.readFileSync("/etc/passwd", "utf8")).toMatch(/^root:/)
})

test("an upload expires after its last progress, and its bytes go", async () => {
  await using node = makeNode()
  const { box, client } = node
  const [kept, left] = [shipment("lab-1", "E1", 300_000), shipment("lab-1", "E2", 300_000)]
  await node.start()
  const one = await client.created(kept, kept.tarball.length)
  const other = await client.created(left, left.tarball.length)
  expect((await client.state(one)).limits["max-age"]).toBeGreaterThan(6.9 * 86_400)
  for (const [upload, { tarball }] of [
    [one, kept],
    [other, left]
  ] as const) {
    await client.append(upload, 0, tarball.subarray(0, 100_000))
  }
  await node.stop()

  await node.start(6 * DAY)
  expect((await client.state(other)).limits["max-age"]).toBeLessThan(1.1 * 86_400)
  // Looking is no progress; an append is.
  expect((await client.append(one, 100_000, kept.tarball.subarray(100_000, 200_000))).status).toBe(204)
  expect((await client.state(one)).limits["max-age"]).toBeGreaterThan(6.9 * 86_400)
  await node.stop()

  await node.start(8 * DAY)
  expect([404, 410]).toContain((await client.look(other)).status)
  expect([404, 410]).toContain((await client.append(other, 100_000, left.tarball.subarray(100_000))).status)
  await until(() => files(box).every((path) => sizeOf(path) !== 100_000))
  const answer = await client.finish(one, kept.tarball, MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expectStored(box, kept)
  await until(() => files(box).length === 0)
})

test("uploads expire beside a receiver that runs, not only when it starts", async () => {
  await using node = makeNode({ limits: { upload_expiry_s: 1 } })
  const { box, client } = node
  await node.start()
  const wanted = shipment("lab-1", "E1", 300_000)
  const upload = await client.created(wanted, wanted.tarball.length)
  await client.append(upload, 0, wanted.tarball.subarray(0, 100_000))
  while ((await client.look(upload)).status < 300) await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await client.create(wanted, wanted.tarball.length)).status).toBe(201)
  expect(box.store()).toEqual([])
})
