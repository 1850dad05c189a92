import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { expect, test } from "vitest"
import { COMMIT, EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { makeGate, OLD_COMMIT, type Receiver, STRANGE_COMMIT, startReceiver } from "../support/receiver.ts"
import { type Answer, expectProblem, jsonOf, send, until } from "../support/wire.ts"

const commitHeader = "X-Cis490-Code-Commit"
const contentHeader = "X-Cis490-Content-Sha256"

const one = makeEpisode("one\n", 3)
const oneRepacked = makeEpisode("one\n", 4)
const other = makeEpisode("other\n")

const storedAs = ({ contentSha256, sha256, tarball }: typeof one, status: string) => ({
  status,
  host_id: "lab-1",
  episode_id: EPISODE,
  sha256,
  bytes: tarball.length,
  content_sha256: contentSha256
})

const storeOne = async (receiver: Receiver, headers: Record<string, string> = {}) =>
  expect(await send(receiver.port, putOf(one.tarball, headers))).toMatchObject({ status: 201 })

test("a sound episode is stored, byte by byte, and logged in one line with its trace", async () => {
  await using receiver = await startReceiver()
  const trace = "0af7651916cd43dd8448eb211c80319c"
  const answer = await send(
    receiver.port,
    putOf(one.tarball, { [contentHeader]: one.contentSha256, traceparent: `00-${trace}-b7ad6b7169203331-01` })
  )
  expect(answer.status).toBe(201)
  expect(answer.headers["content-type"]).toBe("application/json")
  expect(jsonOf(answer)).toEqual(storedAs(one, "stored"))
  expect(receiver.dataset.arrivals.map(({ commit, content }) => ({ commit, content }))).toEqual([
    { commit: COMMIT, content: Buffer.from(one.tarball) }
  ])
  await until(() => receiver.leftBehind().length === 0)
  expect(receiver.logs).toEqual([
    {
      level: "Info",
      message: "stored",
      annotations: {
        host: "lab-1",
        episode: EPISODE,
        status: 201,
        bytes: one.tarball.length,
        ms: expect.any(Number),
        trace
      }
    }
  ])
})

test("what is already there is answered with the stored copy, whatever packed it", async () => {
  await using receiver = await startReceiver()
  await storeOne(receiver)
  const again = await send(receiver.port, putOf(one.tarball))
  const byContent = await send(receiver.port, putOf(oneRepacked.tarball, { [contentHeader]: one.contentSha256 }))
  const byBody = await send(receiver.port, putOf(oneRepacked.tarball))
  expect(oneRepacked.sha256).not.toBe(one.sha256)
  for (const answer of [again, byContent, byBody]) {
    expect(answer.status).toBe(200)
    expect(jsonOf(answer)).toEqual(storedAs(one, "already_present"))
  }
  expect(receiver.dataset.arrivals).toHaveLength(1)
  await until(() => receiver.leftBehind().length === 0)
})

test("other content under a name is refused, from the header or from the body", async () => {
  await using receiver = await startReceiver()
  await storeOne(receiver)
  const byHeader = await send(receiver.port, putOf(other.tarball, { [contentHeader]: other.contentSha256 }))
  const byBody = await send(receiver.port, putOf(other.tarball))
  for (const answer of [byHeader, byBody]) {
    expectProblem(answer, 409, "other-content", {
      stored_sha256: one.sha256,
      your_sha256: other.sha256,
      remediation: expect.any(String)
    })
  }
  expect(receiver.dataset.arrivals).toHaveLength(1)
  await until(() => receiver.leftBehind().length === 0)
})

test("a lost copy is taken in again, whatever the window says, and nothing else in its place", async () => {
  await using receiver = await startReceiver({ gate: makeGate().layer })
  await storeOne(receiver, { [commitHeader]: COMMIT })
  receiver.dataset.lost.add(`lab-1/${EPISODE}`)
  const refused = { [contentHeader]: other.contentSha256, [commitHeader]: OLD_COMMIT }
  expectProblem(await send(receiver.port, putOf(other.tarball, refused)), 409, "stored-copy-lost", {
    stored_sha256: one.sha256,
    your_sha256: other.sha256
  })
  const healed = await send(receiver.port, putOf(one.tarball, { [commitHeader]: OLD_COMMIT }))
  expect(healed.status).toBe(201)
  expect(jsonOf(healed)).toEqual(storedAs(one, "stored"))
})

test("with the gate on, a commit has to be named, known, and the one inside", async () => {
  const gate = makeGate()
  await using receiver = await startReceiver({ gate: gate.layer })
  const put = (commit: string | undefined) => send(receiver.port, putOf(one.tarball, { [commitHeader]: commit }))

  const missing = await put(undefined)
  expectProblem(missing, 400, "missing-commit", { error: "missing X-Cis490-Code-Commit header" })
  expectProblem(await put("HEAD"), 400, "bad-commit", { remediation: expect.any(String) })
  expectProblem(await put(COMMIT.toUpperCase()), 400, "bad-commit")
  expect(gate.control.asked).toBe(0)

  expectProblem(await put(OLD_COMMIT), 412, "out-of-window", { your_commit: OLD_COMMIT, remediation: "git pull" })
  const unknown = await put(STRANGE_COMMIT)
  expectProblem(unknown, 503, "commit-unknown")
  expect(unknown.headers["retry-after"]).toBe("7")
  expectProblem(await put("c".repeat(40)), 422, "invalid-archive", {
    error: expect.stringMatching(/^invalid archive: commit/)
  })
  expect(receiver.dataset.arrivals).toEqual([])
  await until(() => receiver.leftBehind().length === 0)
  expect((await put(COMMIT)).status).toBe(201)
})

test("with the gate off, no commit is needed, and a malformed one is refused all the same", async () => {
  await using receiver = await startReceiver()
  expectProblem(await send(receiver.port, putOf(one.tarball, { [commitHeader]: "x" })), 400, "bad-commit")
  expect((await send(receiver.port, putOf(one.tarball, { [commitHeader]: OLD_COMMIT }))).status).toBe(201)
})

test("names are refused as they are written", async () => {
  await using receiver = await startReceiver()
  const long = (length: number) => "e".repeat(length)
  const names = [
    `lab-1/..`,
    `../${EPISODE}`,
    `lab-1/.`,
    `lab-1/`,
    `/${EPISODE}`,
    `lab-1`,
    ``,
    `lab-1/${EPISODE}/`,
    `lab-1//${EPISODE}`,
    `lab-1/%2e%2e`,
    `lab-1/${EPISODE.replace("1", "%31")}`,
    `lab-1%2F${EPISODE}`,
    `lab-1/a%2Fb`,
    `lab-1/a%00`,
    `lab-1/%zz`,
    `lab-1/-a`,
    `lab-1/a~b`,
    `lab-1/a+b`,
    `lab-1/a;b`,
    `${long(65)}/${EPISODE}`,
    `lab-1/${long(129)}`
  ]
  for (const name of names) {
    const answer = await send(receiver.port, { ...putOf(one.tarball), path: `/v1/episodes/${name}` })
    expectProblem(answer, 400, "bad-name", { remediation: expect.any(String) })
  }
  const longest = await send(receiver.port, { ...putOf(one.tarball), path: `/v1/episodes/${long(64)}/${long(128)}` })
  expectProblem(longest, 422, "invalid-archive")
  await until(() => receiver.leftBehind().length === 0)
})

test("headers are refused before the body is read", async () => {
  await using receiver = await startReceiver()
  const digest = String(putOf(one.tarball).headers?.["repr-digest"])
  const cases: ReadonlyArray<[Record<string, string | undefined>, number, string]> = [
    [{ "content-length": undefined, "transfer-encoding": "chunked" }, 411, "length-required"],
    [{ "repr-digest": undefined }, 400, "bad-digest"],
    [{ "repr-digest": "sha-256=:AAAA:" }, 400, "bad-digest"],
    [{ "repr-digest": digest.replace("sha-256", "sha-512") }, 400, "bad-digest"],
    [{ "repr-digest": `${digest}, ${digest}` }, 400, "bad-digest"],
    [{ [contentHeader]: "abc" }, 400, "bad-digest"],
    [{ [contentHeader]: one.contentSha256.toUpperCase() }, 400, "bad-digest"],
    [{ [contentHeader]: `${one.contentSha256}, ${one.contentSha256}` }, 400, "bad-digest"],
    [{ [commitHeader]: `${COMMIT}, ${COMMIT}` }, 400, "bad-commit"]
  ]
  for (const [headers, status, problem] of cases) {
    expectProblem(await send(receiver.port, putOf(one.tarball, headers)), status, problem)
  }
  const ignored = { "repr-digest": `sha-512=:AAAA:, ${digest}` }
  expect((await send(receiver.port, putOf(one.tarball, ignored))).status).toBe(201)
})

test("the questions come in order", async () => {
  let freeBytes = 1e9
  const gate = makeGate()
  const limits = { maxEpisodeBytes: 100_000, minFreeBytes: 1000, maxConcurrentUploads: 1 }
  await using receiver = await startReceiver({ gate: gate.layer, freeBytes: () => freeBytes, limits })
  const hold = Deferred.makeUnsafe<void>()
  receiver.dataset.control.hold = hold
  const underWay = send(receiver.port, {
    ...putOf(one.tarball, { [commitHeader]: COMMIT }),
    path: PATH
  })
  await until(() => receiver.leftBehind().length === 1)

  const big = new Uint8Array(100_001)
  const at = (id: string, headers: Record<string, string | undefined>) =>
    send(receiver.port, { ...putOf(big, { [commitHeader]: OLD_COMMIT, ...headers }), path: `/v1/episodes/lab-1/${id}` })
  freeBytes = 0

  expectProblem(await at("-", { "repr-digest": undefined }), 400, "bad-name")
  expectProblem(await at("a", { "repr-digest": undefined }), 400, "bad-digest")
  expectProblem(await at("a", {}), 412, "out-of-window")
  expectProblem(await at("a", { [commitHeader]: COMMIT }), 413, "too-large", { limit_bytes: 100_000 })
  const small = putOf(other.tarball, { [commitHeader]: COMMIT })
  const full = await send(receiver.port, { ...small, path: "/v1/episodes/lab-1/b" })
  expectProblem(full, 507, "disk-full")
  expect(Number(full.headers["retry-after"])).toBeGreaterThan(0)
  freeBytes = other.tarball.length + 999
  expectProblem(await send(receiver.port, { ...small, path: "/v1/episodes/lab-1/b" }), 507, "disk-full")
  freeBytes = other.tarball.length + 1000
  const busy = await send(receiver.port, { ...small, path: "/v1/episodes/lab-1/b" })
  expectProblem(busy, 429, "too-many-uploads")
  expect(Number(busy.headers["retry-after"])).toBeGreaterThan(0)

  await Effect.runPromise(Deferred.succeed(hold, undefined))
  expect((await underWay).status).toBe(201)
  freeBytes = 0
  const known = await at(EPISODE, { [contentHeader]: one.contentSha256 })
  expect(known.status).toBe(200)
  const different = await at(EPISODE, { [contentHeader]: other.contentSha256 })
  expectProblem(different, 409, "other-content")
})

test("two at once of one name: one is stored, the other told so", async () => {
  await using receiver = await startReceiver()
  const same = await Promise.all([one, oneRepacked].map(({ tarball }) => send(receiver.port, putOf(tarball))))
  expect(same.map(({ status }) => status).toSorted()).toEqual([200, 201])
  const conflicting = await Promise.all(
    [one, other].map(({ tarball }) => send(receiver.port, { ...putOf(tarball), path: `/v1/episodes/lab-2/${EPISODE}` }))
  )
  expect(conflicting.map(({ status }) => status).toSorted()).toEqual([201, 409])
  await until(() => receiver.leftBehind().length === 0)
})

test("one host gets at most half of the places", async () => {
  await using receiver = await startReceiver({ limits: { maxConcurrentUploads: 4 } })
  const hold = Deferred.makeUnsafe<void>()
  receiver.dataset.control.hold = hold
  const put = (host: string, id: string) =>
    send(receiver.port, { ...putOf(one.tarball), path: `/v1/episodes/${host}/${id}` })
  const held: Array<Promise<Answer>> = []
  const begin = async (host: string) => {
    held.push(put(host, EPISODE))
    await until(() => receiver.leftBehind().length === held.length)
  }
  await begin("a")
  await begin("a")
  expectProblem(await put("a", EPISODE), 429, "too-many-uploads")
  await begin("b")
  await begin("c")
  expectProblem(await put("d", EPISODE), 429, "too-many-uploads")
  await Effect.runPromise(Deferred.succeed(hold, undefined))
  expect((await Promise.all(held)).map(({ status }) => status).toSorted()).toEqual([200, 201, 201, 201])
  expect((await put("d", EPISODE)).status).toBe(201)
})

test("a receiver in trouble says so before it reads", async () => {
  await using receiver = await startReceiver()
  receiver.dataset.control.trouble = "the index cannot be written"
  const answer = await send(receiver.port, putOf(one.tarball))
  expectProblem(answer, 503, "unavailable", { error: "the index cannot be written" })
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0)
})

test("a mistake of the receiver's is an answer without its details, and logged with them", async () => {
  await using receiver = await startReceiver()
  receiver.dataset.control.defect = new Error("the very cause")
  const answer = await send(receiver.port, putOf(one.tarball))
  expectProblem(answer, 500, "internal")
  expect(answer.text).not.toContain("the very cause")
  expect(receiver.logs).toMatchObject([{ level: "Error", annotations: { host: "lab-1", status: 500 } }])
  receiver.dataset.control.defect = undefined
  expect((await send(receiver.port, putOf(one.tarball))).status).toBe(201)
})

test("what is not there, or not with that method, is a problem too", async () => {
  await using receiver = await startReceiver()
  const ask = (method: string, path: string) => send(receiver.port, { method, path })
  expectProblem(await ask("GET", "/"), 404, "not-found")
  expectProblem(await ask("GET", "/v1/health/"), 404, "not-found")
  expectProblem(await ask("GET", "/%zz"), 404, "not-found")
  expectProblem(await ask("OPTIONS", "*"), 404, "not-found")
  const deleted = await ask("DELETE", PATH)
  expectProblem(deleted, 405, "method-not-allowed")
  expect(deleted.headers.allow).toBe("HEAD, PUT, POST, OPTIONS")
  expectProblem(await ask("GET", PATH), 405, "method-not-allowed")
  expectProblem(await ask("GET", "/v1/ping"), 405, "method-not-allowed")
})
