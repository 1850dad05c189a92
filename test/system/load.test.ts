/** More uploads than the receiver takes at once. */
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { directory, file, META, tarOf, zstd } from "../support/tarball.ts"
import { type Answer, connect, expectProblem, reprDigestOf, send, until } from "../support/wire.ts"

const LIMIT = 8
const HOSTS = Array.from({ length: 8 }, (_, i) => `host-${i}`)
const EPISODES = Array.from({ length: 8 }, (_, i) => `E${i}`)

const box = makeReceiverBox({ limits: { max_concurrent_uploads: LIMIT } })
let receiver: Awaited<ReturnType<typeof box.start>>
beforeAll(async () => {
  receiver = await box.start()
})
afterAll(async () => {
  await receiver.stop("SIGKILL")
  box[Symbol.dispose]()
})

const tarballOf = (id: string, events: string): Uint8Array =>
  zstd(
    tarOf(directory(id), file(`${id}/done.marker`), file(`${id}/meta.json`, META), file(`${id}/events.jsonl`, events))
  )
const requestOf = (hostId: string, id: string, body: Uint8Array) => ({
  method: "PUT",
  path: `/v1/episodes/${hostId}/${id}`,
  headers: { "content-length": String(body.length), "repr-digest": reprDigestOf(body) },
  body
})

/** Whose uploads are under way, as the receiver has them on its disk. */
const underWay = (): ReadonlyMap<string, number> => {
  const hosts = box.incoming().map((name) => name.split("~")[0] ?? "")
  return new Map(HOSTS.map((host) => [host, hosts.filter((other) => other === host).length]))
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

/** Sends until it is taken, as often as it is told to come again. */
const insist = async (request: ReturnType<typeof requestOf>, refused: (answer: Answer) => void): Promise<number> => {
  for (;;) {
    const answer = await send(receiver.port, request)
    if (answer.status !== 429) return answer.status
    expectProblem(answer, 429, "too-many-uploads")
    refused(answer)
    await pause(Number(answer.headers["retry-after"]))
  }
}

test("64 uploads at once from 8 hosts: 8 are taken, no more than 4 of one host, and all are in the end", async () => {
  const wanted = HOSTS.flatMap((host) => EPISODES.map((id) => requestOf(host, id, tarballOf(id, `${host} ${id}`))))
  const connections = await Promise.all(
    wanted.map(async (request) => {
      const connection = connect(receiver.port)
      await connection.head({ ...request, headers: { ...request.headers, connection: "close" } })
      // Half, so that whoever is taken stays until it is let go on.
      await connection.write(request.body.subarray(0, 50))
      return { request, connection }
    })
  )
  const answered = () => connections.filter(({ connection }) => connection.text().includes("\r\n\r\n"))
  const taken = () => [...underWay().values()].reduce((sum, count) => sum + count, 0)
  await until(() => answered().length === wanted.length - LIMIT && taken() === LIMIT)
  expect(Math.max(...underWay().values())).toBeLessThanOrEqual(LIMIT / 2)
  for (const { connection } of answered()) {
    expect(connection.text()).toMatch(/^HTTP\/1\.1 429 /)
    expect(connection.text()).toMatch(/^retry-after: [1-9]\d*\r$/im)
  }

  const turnedAway = new Set(answered())
  const ends = connections.map(async (one): Promise<number> => {
    const { connection, request } = one
    if (!turnedAway.has(one)) await connection.write(request.body.subarray(50))
    await connection.closed
    if (!turnedAway.has(one)) return Number(/^HTTP\/1\.1 (\d+)/.exec(connection.text())?.[1])
    await pause(Number(/^retry-after: (\d+)/im.exec(connection.text())?.[1]))
    return insist(request, () => undefined)
  })
  expect(new Set(await Promise.all(ends))).toEqual(new Set([201]))
  expect(box.store()).toHaveLength(64)
  expect(box.rows()).toHaveLength(64)
  await until(() => box.incoming().length === 0)
})

test("who comes with a little gets through beside those who come with much, again and again", async () => {
  const much = "x".repeat(64 * 1024)
  const state = { served: false }
  let rounds = 0
  const crowd = HOSTS.slice(0, 2).flatMap((host) =>
    Array.from({ length: LIMIT }, async (_, at) => {
      for (let i = 0; !state.served; i++) {
        const id = `much-${at}-${i}`
        const answer = await send(receiver.port, requestOf(host, id, tarballOf(id, `${much}${host}${i}`)))
        expect([201, 429]).toContain(answer.status)
        if (answer.status === 201) rounds++
      }
    })
  )
  await until(() => rounds > 20)
  for (const id of ["little-1", "little-2", "little-3"]) {
    expect(await insist(requestOf("small", id, tarballOf(id, "a little")), () => undefined)).toBe(201)
  }
  state.served = true
  await Promise.all(crowd)
})

test("as large ones that last: they leave places to small ones, and each other's hosts alone", async () => {
  const hold = async (host: string, at: number) => {
    const connection = connect(receiver.port)
    await connection.head({
      method: "PUT",
      path: `/v1/episodes/${host}/large-${at}`,
      headers: {
        "content-length": String(1024 ** 3),
        "repr-digest": reprDigestOf(new Uint8Array()),
        connection: "close"
      }
    })
    return connection
  }
  const held = await Promise.all(
    ["large-a", "large-b", "large-c"].flatMap((host) => Array.from({ length: 4 }, (_, at) => hold(host, at)))
  )
  const refused = () => held.filter((connection) => connection.text().startsWith("HTTP/1.1 429 "))
  await until(() => refused().length === held.length - (LIMIT - LIMIT / 4))
  for (const host of HOSTS) {
    const request = requestOf(host, "small-one", tarballOf("small-one", host))
    expect((await send(receiver.port, request)).status).toBe(201)
  }
  for (const { socket } of held) socket.destroy()
  await until(() => box.incoming().length === 0)
})
