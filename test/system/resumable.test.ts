/** The draft on resumable uploads, as a client sees it that knows the draft and nothing of how the receiver is made. */
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { completeOf, type DraftClient, draftClient, lengthOf, limitsOf, offsetOf } from "../support/draftClient.ts"
import { type Answer, ask, Cut, exchange, textOf } from "../support/draftWire.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { contentDigestOf, jsonOf, type Shipment, shipment } from "../support/upload.ts"
import { until } from "../support/wire.ts"

const KIB = 1024
const MAX = 64 * KIB * KIB

/** An append stands still for longer than a test lasts: what ends it is not the clock. */
const box = makeReceiverBox({
  limits: { body_idle_timeout_s: 600, max_episode_bytes: MAX, max_uploads_per_host: 400, max_concurrent_uploads: 64 }
})
let receiver: Awaited<ReturnType<typeof box.start>>
let client: DraftClient
beforeAll(async () => {
  receiver = await box.start()
  client = draftClient(() => receiver.port)
})
afterAll(async () => {
  await receiver.stop("SIGKILL")
  box[Symbol.dispose]()
})

let made = 0
const next = (bytes = 64): Shipment => shipment("lab-1", `E${made++}`, bytes)

/** Sends a body over some two seconds, in which the receiver makes what came count more than once. */
const trickle = async (under: ReturnType<DraftClient["patch"]>, body: Uint8Array): Promise<void> => {
  for (let at = 0; at < body.length; at += 500_000) {
    await under.write(body.subarray(at, at + 500_000))
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const expectStored = ({ episodeId, hostId, tarball }: Shipment): void => {
  expect(Buffer.compare(fs.readFileSync(box.stored(hostId, episodeId)), tarball)).toBe(0)
  expect(box.rows().filter((row) => row.host_id === hostId && row.episode_id === episodeId)).toHaveLength(1)
}
const expectDone = (answer: Answer, wanted: Shipment, status = 201): void => {
  const { episodeId: episode_id, hostId: host_id, sha256, tarball } = wanted
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([status, true])
  const words = status === 201 ? "stored" : "already_present"
  expect(jsonOf(answer)).toMatchObject({ status: words, host_id, episode_id, sha256, bytes: tarball.length })
  expectStored(wanted)
}
const expectProblem = (answer: Answer, status: number, type: string): void => {
  expect([answer.status, answer.field("content-type")], textOf(answer)).toEqual([status, "application/problem+json"])
  expect(jsonOf(answer)).toMatchObject({ type, error: expect.any(String) })
}
const IANA = "https://iana.org/assignments/http-problem-types#"

test("OPTIONS tells the limits", async () => {
  const answer = await client.options(next().path)
  expect([200, 204]).toContain(answer.status)
  expect(limitsOf(answer)).toMatchObject({ "max-size": MAX })
})

test("a careful creation: an upload without content, then all of it, answered as the PUT would have been", async () => {
  const wanted = next(100_000)
  const creation = await client.create(wanted, wanted.tarball.length)
  expect([creation.status, completeOf(creation)], textOf(creation)).toEqual([201, false])
  expect(limitsOf(creation)).toMatchObject({ "max-age": expect.any(Number) })
  const upload = new URL(creation.field("location") ?? "", `http://receiver${wanted.path}`).pathname
  expect(await client.state(upload)).toMatchObject({ offset: 0, complete: false, length: wanted.tarball.length })
  expectDone(await client.append(upload, 0, wanted.tarball, { complete: true }), wanted)
})

test("in pieces: each is acknowledged, counted at once, and told by HEAD", async () => {
  const wanted = next(50_000)
  const upload = await client.created(wanted, wanted.tarball.length)
  for (let at = 0; at < 40_000; at += 10_000) {
    const answer = await client.append(upload, at, wanted.tarball.subarray(at, at + 10_000))
    expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([204, false])
    expect(await client.state(upload)).toMatchObject({ offset: at + 10_000, complete: false })
  }
  expectDone(await client.append(upload, 40_000, wanted.tarball.subarray(40_000), { complete: true }), wanted)
})

test("all of it, then an empty append that completes it", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  expect((await client.append(upload, 0, wanted.tarball)).status).toBe(204)
  // The offset is the length, and yet nothing is complete.
  expect(await client.state(upload)).toMatchObject({ offset: wanted.tarball.length, complete: false })
  expect(box.store()).not.toContain(`lab-1/${wanted.episodeId}.tar.zst`)
  expectDone(await client.append(upload, wanted.tarball.length, new Uint8Array(), { complete: true }), wanted)
})

test("empty appends append nothing", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  for (const at of [0, 0]) expect((await client.append(upload, at, new Uint8Array())).status).toBe(204)
  await client.append(upload, 0, wanted.tarball.subarray(0, 50))
  expect((await client.append(upload, 50, new Uint8Array())).status).toBe(204)
  expect(await client.state(upload)).toMatchObject({ offset: 50 })
  expectDone(await client.finish(upload, wanted.tarball, 1000), wanted)
})

test("a byte at a time", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  expectDone(await client.finish(upload, wanted.tarball, 1), wanted)
})

test("a creation with the first piece in it", async () => {
  const wanted = next(1000)
  const piece = wanted.tarball.subarray(0, 500)
  const length = ["upload-length", String(wanted.tarball.length)] as const
  const answer = await client.begin("POST", wanted, [["upload-complete", "?0"], length], piece).answer
  if (answer.status >= 400) {
    // A receiver may take none with a creation; then it says so and keeps nothing.
    expect(answer.status).toBeLessThan(500)
    return
  }
  expect([answer.status, completeOf(answer)]).toEqual([201, false])
  const upload = new URL(answer.field("location") ?? "", `http://receiver${wanted.path}`).pathname
  expect(await client.state(upload)).toMatchObject({ offset: 500 })
  expectDone(await client.finish(upload, wanted.tarball, 1000), wanted)
})

test("what was uploaded before is answered 200 at creation, and no upload is made", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  await client.finish(upload, wanted.tarball, 1000)
  expectDone(await client.create(wanted, wanted.tarball.length), wanted, 200)
})

test("two uploads of the same episode: the second to complete is told that it is there", async () => {
  const wanted = next()
  const [one, two] = [
    await client.created(wanted, wanted.tarball.length),
    await client.created(wanted, wanted.tarball.length)
  ]
  expectDone(await client.finish(one, wanted.tarball, 1000), wanted)
  const answer = await client.finish(two, wanted.tarball, 1000)
  expectDone(answer, wanted, 200)
})

test("an upload that is complete takes nothing more", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  const done = await client.finish(upload, wanted.tarball, 1000)
  expectDone(done, wanted)
  // Either the last answer once more, or none of it is left, or it is completed.
  const again = await client.append(upload, wanted.tarball.length, new Uint8Array(), { complete: true })
  if (again.status < 300) expect(jsonOf(again)).toMatchObject({ sha256: wanted.sha256 })
  else expect([400, 404, 409, 410]).toContain(again.status)
  const more = await client.append(upload, wanted.tarball.length, Buffer.from("more"))
  expect([400, 404, 409, 410, 413]).toContain(more.status)
  const seen = await client.look(upload)
  if (seen.status < 300) expect(completeOf(seen)).toBe(true)
  else expect([404, 410]).toContain(seen.status)
  expectStored(wanted)
})

test("wrong offsets are refused with the right one, and change nothing", async () => {
  const wanted = next(1000)
  const upload = await client.created(wanted, wanted.tarball.length)
  await client.append(upload, 0, wanted.tarball.subarray(0, 500))
  for (const wrong of [0, 499, 501, wanted.tarball.length, 999_999_999_999_999]) {
    const answer = await client.append(upload, wrong, Buffer.from("xyz"))
    expectProblem(answer, 409, `${IANA}mismatching-upload-offset`)
    expect([offsetOf(answer), completeOf(answer)]).toEqual([500, false])
    expect(jsonOf(answer)).toMatchObject({ "expected-offset": 500, "provided-offset": wrong })
  }
  expect((await client.append(upload, 499, new Uint8Array(), { complete: true })).status).toBe(409)
  expect(await client.state(upload)).toMatchObject({ offset: 500, complete: false })
  expectDone(await client.finish(upload, wanted.tarball, 1000), wanted)
})

test("a length that differs from what was said before is refused, and the upload goes on", async () => {
  const wanted = next(1000)
  const { length } = wanted.tarball
  const upload = await client.created(wanted, length)
  const lengths = [length - 1, length + 1, 0].map((other) => [["upload-length", String(other)]] as const)
  for (const fields of lengths) {
    const answer = await client.append(upload, 0, wanted.tarball.subarray(0, 10), { fields })
    expectProblem(answer, 400, `${IANA}inconsistent-upload-length`)
    expect(completeOf(answer)).toBe(false)
  }
  // `?1` says that this is the rest: it is too short, or too long.
  for (const rest of [wanted.tarball.subarray(0, length - 1), Buffer.concat([wanted.tarball, Buffer.from("x")])]) {
    const answer = await client.append(upload, 0, rest, { complete: true })
    expect([400, 413]).toContain(answer.status)
    expect(completeOf(answer)).not.toBe(true)
  }
  const same = [["upload-length", String(length)]] as const
  expect(await client.state(upload)).toMatchObject({ offset: 0, length })
  expect((await client.append(upload, 0, wanted.tarball.subarray(0, 10), { fields: same })).status).toBe(204)
  expectDone(await client.finish(upload, wanted.tarball, 1000), wanted)
})

test("nothing goes over the length, also when nobody says how much comes", async () => {
  const wanted = next(1000)
  const upload = await client.created(wanted, wanted.tarball.length)
  const more = Buffer.concat([wanted.tarball, Buffer.from("more")])
  const over = await client.append(upload, 0, more)
  expect([400, 413]).toContain(over.status)
  const chunked = exchange(receiver.port, {
    method: "PATCH",
    path: upload,
    fields: [
      ["content-type", "application/partial-upload"],
      ["upload-offset", "0"],
      ["upload-complete", "?0"],
      ["transfer-encoding", "chunked"]
    ]
  })
  await chunked.write(
    Buffer.concat([Buffer.from(`${more.length.toString(16)}\r\n`), more, Buffer.from("\r\n0\r\n\r\n")])
  )
  expect([400, 411, 413]).toContain((await chunked.answer).status)
  const seen = await client.look(upload)
  if (seen.status < 300) expect(offsetOf(seen)).toBeLessThanOrEqual(wanted.tarball.length)
  expect(box.store()).not.toContain(`lab-1/${wanted.episodeId}.tar.zst`)
})

test("the digest at the end: other content than announced is 422, and not stored", async () => {
  const wanted = next(1000)
  const upload = await client.created(wanted, wanted.tarball.length)
  const wrong = Buffer.from(wanted.tarball)
  wrong.writeUInt8(wrong.readUInt8(700) ^ 1, 700)
  const answer = await client.append(upload, 0, wrong, { complete: true })
  expect([answer.status, completeOf(answer)]).toEqual([422, true])
  expect(jsonOf(answer).error).toMatch(/^digest mismatch/)
  expect(box.store()).not.toContain(`lab-1/${wanted.episodeId}.tar.zst`)
  const anew = await client.created(wanted, wanted.tarball.length)
  expectDone(await client.finish(anew, wanted.tarball, 1000), wanted)
})

test("what is no archive is 422 at the end", async () => {
  const wanted = next()
  const nonsense = Buffer.from("no archive at all")
  const fields = [["repr-digest", contentDigestOf(nonsense)]] as const
  const upload = await client.created({ ...wanted, fields }, nonsense.length)
  const answer = await client.append(upload, 0, nonsense, { complete: true })
  expect([answer.status, completeOf(answer)]).toEqual([422, true])
  expect(jsonOf(answer).error).toMatch(/^invalid archive/)
})

test("a Content-Digest that does not fit appends nothing; one that fits does", async () => {
  const wanted = next(1000)
  const upload = await client.created(wanted, wanted.tarball.length)
  const piece = wanted.tarball.subarray(0, 400)
  const wrong = { fields: [["content-digest", contentDigestOf(Buffer.from("other"))]] } as const
  for (const complete of [false, true]) {
    const answer = await client.append(upload, 0, complete ? wanted.tarball : piece, { ...wrong, complete })
    expect([400, 422]).toContain(answer.status)
    expect(completeOf(answer)).not.toBe(true)
    expect(await client.state(upload)).toMatchObject({ offset: 0, complete: false })
  }
  const right = { fields: [["content-digest", contentDigestOf(piece)]] } as const
  expect((await client.append(upload, 0, piece, right)).status).toBe(204)
  expect(await client.state(upload)).toMatchObject({ offset: 400 })
  expectDone(await client.finish(upload, wanted.tarball, 1000), wanted)
})

test("of a piece with a Content-Digest that is cut, what is told is kept to", async () => {
  const wanted = next(200_000)
  const upload = await client.created(wanted, wanted.tarball.length)
  const piece = wanted.tarball.subarray(0, 200_000)
  const fields = [["content-digest", contentDigestOf(Buffer.from("other"))]] as const
  const under = client.patch(upload, 0, undefined, { announced: piece.length, fields })
  await under.write(piece.subarray(0, 190_000))
  const { offset } = await client.state(upload)
  await under.closed
  expect(offset).toBeLessThanOrEqual(190_000)
  expect(await client.state(upload)).toMatchObject({ offset })
  expectDone(await client.finish(upload, wanted.tarball, 50_000), wanted)
})

test("what is no partial upload is 415", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  for (const type of ["application/octet-stream", "application/offset+octet-stream", "application/partial-uploads"]) {
    const answer = await ask(receiver.port, {
      method: "PATCH",
      path: upload,
      fields: [
        ["content-type", type],
        ["upload-offset", "0"],
        ["upload-complete", "?0"]
      ],
      body: Buffer.from("abc")
    })
    expect([type, answer.status]).toEqual([type, 415])
  }
  expect(await client.state(upload)).toMatchObject({ offset: 0 })
})

test("no offset that is told while a piece is on its way goes back when its Content-Digest does not fit", async () => {
  const wanted = next(6_000_000)
  const upload = await client.created(wanted, wanted.tarball.length)
  const piece = wanted.tarball.subarray(0, 5_000_000)
  const fields = [["content-digest", contentDigestOf(Buffer.from("other"))]] as const
  const under = client.patch(upload, 0, undefined, { announced: piece.length, fields })
  await trickle(under, piece)
  expect([400, 422]).toContain((await client.heard(upload, under, 0)).status)
  await client.state(upload)
  expectDone(await client.finish(upload, wanted.tarball, 2_000_000), wanted)
})

test("no 104 but for a creation with content: proxies that take one for the answer never meet one elsewhere", async () => {
  const wanted = next(6_000_000)
  const begun = await client.create(wanted, wanted.tarball.length)
  expect([begun.status, begun.interim]).toEqual([201, []])
  const upload = begun.field("location") ?? ""
  const under = client.patch(upload, 0, undefined, { announced: 5_000_000 })
  await trickle(under, wanted.tarball.subarray(0, 5_000_000))
  const answer = await client.heard(upload, under, 0)
  expect([answer.status, answer.interim]).toEqual([204, []])
})

test("DELETE cancels: nothing of it is left, and a HEAD finds nothing", async () => {
  const wanted = next(1000)
  const before = box.incoming().length
  const upload = await client.created(wanted, wanted.tarball.length)
  await client.append(upload, 0, wanted.tarball.subarray(0, 500))
  expect(box.incoming().length).toBeGreaterThan(before)
  expect((await client.cancel(upload)).status).toBe(204)
  for (const answer of [
    await client.look(upload),
    await client.append(upload, 500, Buffer.from("x")),
    await client.cancel(upload)
  ]) {
    expect([404, 410]).toContain(answer.status)
  }
  await until(() => box.incoming().length === before)
})

test("an append that hangs is ended by the next request for its upload, whatever that is", async () => {
  const hang = async () => {
    const wanted = next(300_000)
    const upload = await client.created(wanted, wanted.tarball.length)
    const under = client.patch(upload, 0, undefined, { announced: wanted.tarball.length, complete: true })
    await under.write(wanted.tarball.subarray(0, 100_000))
    return { wanted, upload, under }
  }
  const byHead = await hang()
  const { offset } = await client.state(byHead.upload)
  await byHead.under.closed
  // What was told is what goes on.
  const rest = byHead.wanted.tarball.subarray(offset)
  expectDone(await client.append(byHead.upload, offset, rest, { complete: true }), byHead.wanted)

  const byPatch = await hang()
  const answer = await client.append(byPatch.upload, 0, byPatch.wanted.tarball, { complete: true })
  await byPatch.under.closed
  if (answer.status === 409)
    expectDone(await client.finish(byPatch.upload, byPatch.wanted.tarball, MAX), byPatch.wanted)
  else expectDone(answer, byPatch.wanted)

  const byDelete = await hang()
  expect((await client.cancel(byDelete.upload)).status).toBe(204)
  await byDelete.under.closed
  expect([404, 410]).toContain((await client.look(byDelete.upload)).status)
})

test("two appends at once, again and again: what is stored is never a mixture", async () => {
  for (let round = 0; round < 20; round++) {
    const wanted = next(20_000)
    const upload = await client.created(wanted, wanted.tarball.length)
    const one = client.append(upload, 0, wanted.tarball.subarray(0, 12_000 + round))
    const two = client.append(upload, 0, wanted.tarball.subarray(0, 9000))
    const ends = await Promise.allSettled([one, two])
    for (const end of ends) {
      if (end.status === "rejected") expect(end.reason).toBeInstanceOf(Cut)
      else expect([204, 408, 409]).toContain(end.value.status)
    }
    expectDone(await client.finish(upload, wanted.tarball, 5000), wanted)
  }
})

test("two that complete at once: one row, one file, and no answer that is untrue", async () => {
  for (let round = 0; round < 10; round++) {
    const wanted = next(20_000)
    const upload = await client.created(wanted, wanted.tarball.length)
    const { tarball } = wanted
    const ends = await Promise.allSettled([1, 2, 3].map(() => client.append(upload, 0, tarball, { complete: true })))
    for (const end of ends)
      if (end.status === "fulfilled" && end.value.status < 300) expect(completeOf(end.value)).toBe(true)
    const seen = await client.look(upload)
    if (seen.status < 300 && completeOf(seen) === false) expectDone(await client.finish(upload, tarball, MAX), wanted)
    expectStored(wanted)
  }
})

test("cut at every byte, and taken up again", async () => {
  const wanted = next()
  const { tarball } = wanted
  for (let at = 0; at <= tarball.length; at += 3) {
    const other = shipment("cuts", `C${at}`)
    const upload = await client.created(other, other.tarball.length)
    const end = Math.min(at, other.tarball.length - 1)
    const under = client.patch(upload, 0, undefined, { announced: other.tarball.length, complete: true })
    await under.write(other.tarball.subarray(0, end))
    await under.cut()
    const { complete, offset } = await client.state(upload)
    expect(complete).toBe(false)
    expect(offset).toBeLessThanOrEqual(end)
    expectDone(await client.append(upload, offset, other.tarball.subarray(offset), { complete: true }), other)
  }
})

test("cut again and again within one upload: what was taken stays", async () => {
  const wanted = next(2_000_000)
  const upload = await client.created(wanted, wanted.tarball.length)
  let cuts = 0
  let sent = 0
  const answer = await client.finish(upload, wanted.tarball, 400_000, async (under, piece) => {
    const cutting = cuts < 25 && cuts++ % 2 === 0
    sent += cutting ? Math.floor(piece.length / 2) : piece.length
    await under.write(cutting ? piece.subarray(0, piece.length / 2) : piece)
    if (cutting) await under.cut()
  })
  expectDone(answer, wanted)
  // A server keeps as much as it can of what came: not each half of a piece is sent twice.
  expect(sent).toBeLessThan(2 * wanted.tarball.length)
})

test("a PUT that announces the draft is told where to go on, and can be taken up", async () => {
  const wanted = next(500_000)
  const { tarball } = wanted
  const length = ["content-length", String(tarball.length)] as const
  const under = client.begin("PUT", wanted, [["upload-complete", "?1"], length])
  await until(() => under.interim().some((head) => head.status === 104))
  const upload = client.announced(wanted, under.interim()) ?? ""
  expect(upload).not.toBe("")
  await under.write(tarball.subarray(0, 300_000))
  await under.cut()
  expect(await client.state(upload)).toMatchObject({ complete: false, length: tarball.length })
  expectDone(await client.finish(upload, tarball, 100_000), wanted)
})

test("a PUT that announces the draft and is not cut is a PUT", async () => {
  const wanted = next(10_000)
  const answer = await client.begin("PUT", wanted, [["upload-complete", "?1"]], wanted.tarball).answer
  expect(answer.status, textOf(answer)).toBe(201)
  expect(completeOf(answer)).not.toBe(false)
  expectStored(wanted)
})

test("an optimistic POST with everything in it is a PUT, too, or is refused whole", async () => {
  const wanted = next(10_000)
  const answer = await client.begin("POST", wanted, [["upload-complete", "?1"]], wanted.tarball).answer
  if (answer.status < 300) expectDone(answer, wanted)
  else expect([400, 405]).toContain(answer.status)
})

test.each([
  undefined,
  "7",
  "9",
  "?1",
  "8.0",
  "-8",
  "08x",
  '"8"',
  "8, 8"
])("no 104 for interop version %s", async (version) => {
  const wanted = next(10_000)
  const answer = await ask(receiver.port, {
    method: "PUT",
    path: wanted.path,
    fields: [
      ...wanted.fields,
      ["upload-complete", "?1"],
      ...(version === undefined ? [] : [["upload-draft-interop-version", version] as const])
    ],
    body: wanted.tarball
  })
  expect([answer.status, answer.interim.map((head) => head.status)]).toEqual([201, []])
})

test("a 104 does not stand for the 100 that was asked for", async () => {
  const wanted = next(10_000)
  const length = ["content-length", String(wanted.tarball.length)] as const
  const under = client.begin("PUT", wanted, [["upload-complete", "?1"], ["expect", "100-continue"], length])
  await until(() => under.interim().some((head) => head.status === 100))
  await under.write(wanted.tarball)
  expect((await under.answer).status).toBe(201)
})

test("a PUT without the draft's fields is what it always was", async () => {
  const wanted = next(10_000)
  const { fields, path, tarball: body } = wanted
  const answer = await ask(receiver.port, { method: "PUT", path, fields, body })
  expect([answer.status, answer.interim, completeOf(answer), lengthOf(answer)]).toEqual([201, [], undefined, undefined])
})
