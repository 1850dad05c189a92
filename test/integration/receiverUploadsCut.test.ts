/** Resumable uploads over links that drop: cuts, requests that hang, damage on the way, and many at once. */
import { readFileSync, writeFileSync } from "node:fs"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { expect, test } from "vitest"
import { makeEpisode, PATH, putOf } from "../support/episode.ts"
import { type Receiver, startReceiver } from "../support/receiver.ts"
import {
  begin,
  creation,
  cutAfter,
  dataOf,
  hang,
  kept,
  largeEpisode,
  look,
  part,
  standing,
  stateOf
} from "../support/receiverUploads.ts"
import { type Answer, connect, expectProblem, jsonOf, reprDigestOf, send, until } from "../support/wire.ts"

const MIB = 1024 * 1024
const large = largeEpisode(3 * MIB)
const whole = large.tarball
const small = makeEpisode("small\n").tarball

const offsetOf = ({ headers }: Answer): number => Number(headers["upload-offset"])
const ask = async ({ port }: Receiver, path: string): Promise<number> => offsetOf(await send(port, look(path)))

/** Goes on from where it is to the end. */
const finish = async (receiver: Receiver, path: string, bytes = whole): Promise<Answer> => {
  const offset = await ask(receiver, path)
  return send(receiver.port, part(path, bytes.subarray(offset), offset, true))
}

test("what came before a cut counts, every byte of it, and does not have to be sent again", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  const cuts = [1, 100_000, MIB, MIB + 1, 65_536]
  let sent = 0
  for (const bytes of cuts) {
    await cutAfter(receiver, part(path, whole.subarray(sent), sent, true), bytes)
    const offset = await ask(receiver, path)
    expect(offset).toBe(sent + bytes)
    expect(readFileSync(dataOf(receiver, path))).toEqual(Buffer.from(whole.subarray(0, offset)))
    sent = offset
  }
  const answer = await finish(receiver, path)
  expect(answer.status).toBe(201)
  expect(receiver.dataset.arrivals[0]?.content).toEqual(Buffer.from(whole))
})

test("a PUT that is cut can be resumed where its 104 said", async () => {
  await using receiver = await startReceiver()
  const connection = connect(receiver.port)
  const announced = { "upload-complete": "?1", "upload-draft-interop-version": "8" }
  await connection.head(putOf(whole, announced))
  await connection.write(whole.subarray(0, 200_000))
  await until(() => connection.text().includes("\r\n\r\n"))
  const location = /^location: (.*)\r$/m.exec(connection.text())?.[1] ?? ""
  expect(connection.text()).toMatch(/^HTTP\/1.1 104 Upload Resumption Supported\r\n/)
  connection.socket.destroy()
  await until(() => receiver.logs.some(({ message }) => message.includes("did not get through")))
  expect(await ask(receiver, location)).toBe(200_000)
  const answer = await finish(receiver, location)
  expect(answer.status).toBe(201)
  expect(jsonOf(answer)).toMatchObject({ status: "stored", content_sha256: large.contentSha256 })
})

test("a beginning whose body is cut leaves nothing where nobody was told of it", async () => {
  await using receiver = await startReceiver()
  const connection = connect(receiver.port)
  await connection.head(creation(whole, { "content-length": String(MIB) }))
  await connection.write(whole.subarray(0, 1000))
  await until(() => receiver.leftBehind().length > 0 && kept(receiver).length > 0)
  connection.socket.destroy()
  await until(() => kept(receiver).length === 0)
})

test("a new request ends the one that hangs, and is told what came of it", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  const first = await hang(receiver, part(path, whole, 0, true), 300_000)
  const at = await ask(receiver, path)
  await first.closed
  expect(first.text()).toMatch(/^HTTP\/1.1 408 /)
  expect(at).toBeLessThanOrEqual(300_000)
  const second = await hang(receiver, part(path, whole.subarray(at), at, true), 400_000)
  // By the offset that was told, also while another one hangs.
  const third = await send(receiver.port, part(path, whole.subarray(at, at + 10), at, false))
  await second.closed
  if (third.status === 409) expect(offsetOf(third)).toBeGreaterThan(at)
  else expect(standing(third)).toMatchObject({ status: 204, offset: String(at + 10) })
  const last = await hang(
    receiver,
    part(path, whole.subarray(await ask(receiver, path)), await ask(receiver, path), true),
    5
  )
  expect((await send(receiver.port, { method: "DELETE", path })).status).toBe(204)
  await last.closed
  expect(kept(receiver)).toEqual([])
})

test("of requests that wait for each other only the newest goes on", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  const hanging = await Promise.all(Array.from({ length: 8 }, () => hang(receiver, part(path, whole, 0, true), 50_000)))
  const offset = await ask(receiver, path)
  await Promise.all(hanging.map(({ closed }) => closed))
  expect(await ask(receiver, path)).toBe(offset)
  expect(readFileSync(dataOf(receiver, path)).subarray(0, offset)).toEqual(Buffer.from(whole.subarray(0, offset)))
  expect((await finish(receiver, path)).status).toBe(201)
})

test("a body that stops is given up, and what came of it counts", async () => {
  await using receiver = await startReceiver({ limits: { bodyIdleMillis: 50 } })
  const path = await begin(receiver, whole)
  const { closed, text } = await hang(receiver, part(path, whole, 0, true), 12_345)
  await until(() => text().includes("}"))
  expect(text()).toMatch(/^HTTP\/1.1 408 [^]*upload-offset: 12345\r\n/)
  await closed
  expect(await ask(receiver, path)).toBe(12_345)
})

test("a body that crawls is given up, and what came of it counts", async () => {
  const limits = { crawl: { bytesPerSecond: 1_000_000, afterMillis: 50 } }
  await using receiver = await startReceiver({ limits })
  const path = await begin(receiver, whole)
  const { closed, text, rest, write } = await hang(receiver, part(path, whole, 0, true), 1)
  let at = 0
  while (text() === "") {
    await write(rest.subarray(at, at + 1))
    at++
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closed
  expect(text()).toMatch(/^HTTP\/1.1 408 /)
  const offset = await ask(receiver, path)
  expect(offset).toBeGreaterThan(0)
  expect(readFileSync(dataOf(receiver, path))).toEqual(Buffer.from(whole.subarray(0, offset)))
})

test("a client that goes away with the last byte does not keep its episode from being stored", async () => {
  await using receiver = await startReceiver()
  const hold = Deferred.makeUnsafe<void>()
  receiver.dataset.control.hold = hold
  const path = await begin(receiver, whole)
  const { socket } = await hang(receiver, part(path, whole, 0, true), whole.length)
  await until(() => receiver.leftBehind().length === 2)
  socket.destroy()
  await Effect.runPromise(Deferred.succeed(hold, undefined))
  await until(() => receiver.dataset.arrivals.length === 1)
  expect(standing(await send(receiver.port, look(path)))).toMatchObject({ complete: "?1" })
})

test("an append that is not what its Content-Digest says does not count, one that is cut does", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  const piece = whole.subarray(0, 1_500_000)
  const digest = { "content-digest": `sha-512=:AA==:, ${reprDigestOf(piece)}` }
  const damaged = Uint8Array.from(piece)
  damaged[700_000] = (damaged[700_000] ?? 0) ^ 1
  const refused = await send(receiver.port, part(path, damaged, 0, false, digest))
  expectProblem(refused, 422, "digest-mismatch", { error: expect.stringMatching(/^digest mismatch: this append/) })
  expect(standing(refused)).toEqual({ status: 422, offset: "0", complete: "?0" })
  expect(await ask(receiver, path)).toBe(0)
  const taken = await send(receiver.port, part(path, piece, 0, false, digest))
  expect(standing(taken)).toMatchObject({ status: 204, offset: "1500000" })
  const rest = whole.subarray(1_500_000)
  await cutAfter(receiver, part(path, rest, 1_500_000, true, { "content-digest": reprDigestOf(rest) }), 1000)
  expect(await ask(receiver, path)).toBe(1_501_000)
  // It has been rolled back once, so that its check has to begin anew.
  expect((await finish(receiver, path)).status).toBe(201)
})

test("damage on the way is found at the end, also in the middle of an archive", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  const damaged = Uint8Array.from(whole)
  damaged.fill(0, MIB, MIB + 100)
  await send(receiver.port, part(path, damaged.subarray(0, 2 * MIB), 0, false))
  const answer = await finish(receiver, path, damaged)
  expectProblem(answer, 422, "digest-mismatch")
  expect(kept(receiver)).toEqual([])
})

test("what unpacks to too much is refused as soon as that is known", async () => {
  await using receiver = await startReceiver({ limits: { maxUnpackedBytes: MIB } })
  const path = await begin(receiver, whole)
  const answer = await send(receiver.port, part(path, whole.subarray(0, 2 * MIB), 0, false))
  expectProblem(answer, 413, "too-large", { limit_bytes: MIB })
  expect(standing(answer).complete).toBe("?1")
  expect(kept(receiver)).toEqual([])
})

test("more uploads at once than are checked on the way are all stored", async () => {
  await using receiver = await startReceiver()
  const hosts = Array.from({ length: 12 }, (_, i) => `lab-${i}`)
  const paths = await Promise.all(
    hosts.map(async (host) => {
      const begun = await send(receiver.port, { ...creation(whole), path: PATH.replace("lab-1", host) })
      return String(begun.headers.location)
    })
  )
  for (let offset = 0; offset < whole.length; offset += MIB) {
    const end = Math.min(offset + MIB, whole.length)
    for (const path of paths) {
      const answer = await send(receiver.port, part(path, whole.subarray(offset, end), offset, end === whole.length))
      expect(answer.status).toBe(end === whole.length ? 201 : 204)
    }
  }
  expect(receiver.dataset.arrivals.map(({ hostId }) => String(hostId)).toSorted()).toEqual(hosts.toSorted())
})

test("appends take a place among the uploads under way", async () => {
  await using receiver = await startReceiver({ limits: { maxConcurrentUploads: 1 } })
  const hold = Deferred.makeUnsafe<void>()
  receiver.dataset.control.hold = hold
  const path = await begin(receiver, whole)
  const elsewhere = PATH.replace("lab-1", "lab-2")
  const other = String((await send(receiver.port, { ...creation(whole), path: elsewhere })).headers.location)
  const first = send(receiver.port, part(path, whole, 0, true))
  await until(() => receiver.leftBehind().length === 2)
  const refused = await send(receiver.port, part(other, whole, 0, true))
  expectProblem(refused, 429, "too-many-uploads")
  expect(standing(refused)).toMatchObject({ offset: "0", complete: "?0" })
  expect(refused.headers["retry-after"]).toMatch(/^\d+$/)
  Deferred.doneUnsafe(hold, Effect.void)
  expect((await first).status).toBe(201)
  expect((await send(receiver.port, part(other, whole, 0, true))).status).toBe(201)
})

test("what was acknowledged and is no longer there ends the upload", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  await send(receiver.port, part(path, whole.subarray(0, MIB), 0, false))
  writeFileSync(dataOf(receiver, path), whole.subarray(0, MIB - 1))
  expectProblem(await send(receiver.port, part(path, whole.subarray(MIB), MIB, true)), 404, "no-upload")
  expect(kept(receiver)).toEqual([])
})

test("an upload of nothing is refused as a PUT of nothing is", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, new Uint8Array())
  expectProblem(await send(receiver.port, part(path, new Uint8Array(), 0, true)), 422, "invalid-archive")
  const again = await begin(receiver, small)
  expect(JSON.parse(readFileSync(stateOf(receiver, again), "utf8"))).toMatchObject({ offset: 0, bytes: small.length })
})
