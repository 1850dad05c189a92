/** Resumable uploads as draft-ietf-httpbis-resumable-upload has them, over real HTTP: one request after the other. */
import * as http from "node:http"
import { expect, test } from "vitest"
import { COMMIT, EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import {
  makeGate,
  OLD_COMMIT,
  type Receiver,
  STRANGE_COMMIT,
  startReceiver,
  TOKENS,
  tokens
} from "../support/receiver.ts"
import { begin, creation, kept, look, part, standing } from "../support/receiverUploads.ts"
import { type Answer, expectProblem, jsonOf, type Request, reprDigestOf, send } from "../support/wire.ts"

const one = makeEpisode("one\n")
const other = makeEpisode("other\n")
const whole = one.tarball
const half = Math.floor(whole.length / 2)
const [front, back] = [whole.subarray(0, half), whole.subarray(half)]

/** 64 MiB; seven days, and the test takes a moment. */
const LIMIT = /^max-size=67108864, max-age=604(800|7\d\d)$/

const IANA = "https://iana.org/assignments/http-problem-types#"
const expectRegistered = (answer: Answer, status: number, problem: string, members: Record<string, unknown> = {}) => {
  expect({ status: answer.status, problem: answer.headers["x-cis490-problem"] }).toEqual({ status, problem })
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  expect(jsonOf(answer)).toMatchObject({ type: `${IANA}${problem}`, status, error: expect.any(String), ...members })
}

const get = ({ port }: Receiver, path: string) => send(port, { method: "GET", path })

/** The answer and the informational ones before it. */
const ask = ({ port }: Receiver, { body, headers, method, path }: Request) =>
  new Promise<{ readonly answer: Answer; readonly interim: ReadonlyArray<http.InformationEvent> }>(
    (resolve, reject) => {
      const interim: Array<http.InformationEvent> = []
      const request = http.request({ agent: false, host: "127.0.0.1", port, method, path, headers: { ...headers } })
      request.on("information", (information) => interim.push(information))
      request.once("error", reject)
      request.once("response", (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ answer: { status: response.statusCode ?? 0, headers: response.headers, text }, interim })
        })
      })
      if (body !== undefined) request.flushHeaders()
      request.end(body)
    }
  )

test("an upload in two parts is stored", async () => {
  await using receiver = await startReceiver()
  const begun = await send(receiver.port, creation(whole))
  expect(standing(begun)).toEqual({ status: 201, offset: "0", complete: "?0" })
  expect(begun.headers["upload-limit"]).toMatch(LIMIT)
  const location = String(begun.headers.location)
  expect(location).toMatch(/^\/v1\/uploads\/[0-9a-f]{32}$/)
  const first = await send(receiver.port, part(location, front, 0, false))
  expect(standing(first)).toEqual({ status: 204, offset: String(half), complete: "?0" })
  for (const method of ["HEAD", "GET"]) {
    const told = await send(receiver.port, { method, path: location })
    expect(standing(told)).toEqual({ status: 204, offset: String(half), complete: "?0" })
    expect(told.headers).toMatchObject({ "upload-length": String(whole.length), "cache-control": "no-store" })
    expect(told.headers["upload-limit"]).toMatch(LIMIT)
  }
  const last = await send(receiver.port, part(location, back, half, true))
  expect(standing(last)).toEqual({ status: 201, offset: String(whole.length), complete: "?1" })
  expect(jsonOf(last)).toEqual({
    status: "stored",
    host_id: "lab-1",
    episode_id: EPISODE,
    sha256: one.sha256,
    bytes: whole.length,
    content_sha256: one.contentSha256
  })
  expect(receiver.dataset.arrivals.map(({ content }) => content)).toEqual([Buffer.from(whole)])
  expect(kept(receiver)).toEqual([])
})

test("the last answer can be asked for again, and nothing can be appended any more", async () => {
  await using receiver = await startReceiver()
  const location = await begin(receiver, whole)
  expect((await send(receiver.port, part(location, whole, 0, true))).status).toBe(201)
  const told = await send(receiver.port, look(location))
  expect(standing(told)).toEqual({ status: 204, offset: String(whole.length), complete: "?1" })
  const again = await send(receiver.port, part(location, new Uint8Array(), whole.length, true))
  expect(standing(again)).toMatchObject({ status: 200, complete: "?1" })
  expect(jsonOf(again)).toMatchObject({ status: "already_present", content_sha256: one.contentSha256 })
  for (const request of [
    part(location, whole, 0, true),
    part(location, new Uint8Array(), whole.length, false),
    part(location, new Uint8Array(1), whole.length, true)
  ]) {
    const refused = await send(receiver.port, request)
    expectRegistered(refused, 400, "completed-upload")
    expect(standing(refused)).toMatchObject({ complete: "?0" })
  }
  const anew = await send(receiver.port, creation(whole))
  expect(standing(anew)).toMatchObject({ status: 200, complete: "?1" })
  expect(jsonOf(anew)).toMatchObject({ status: "already_present" })
})

test("what comes with the beginning counts", async () => {
  await using receiver = await startReceiver()
  const withFront = { ...creation(whole, { "content-length": String(half) }), body: front }
  const begun = await send(receiver.port, withFront)
  expect(standing(begun)).toEqual({ status: 201, offset: String(half), complete: "?0" })
  const last = await send(receiver.port, part(String(begun.headers.location), back, half, true))
  expect(last.status).toBe(201)
  const all = { "content-length": String(whole.length), "upload-complete": "?1", "upload-length": undefined }
  const elsewhere = makeEpisode("one more\n").tarball
  const path = PATH.replace("lab-1", "lab-2")
  const sent = { ...creation(elsewhere, { ...all, "content-length": String(elsewhere.length) }), body: elsewhere, path }
  const answer = await send(receiver.port, sent)
  expect(standing(answer)).toEqual({ status: 201, offset: String(elsewhere.length), complete: "?1" })
  expect(answer.headers.location).toMatch(/^\/v1\/uploads\//)
  expect(jsonOf(answer)).toMatchObject({ status: "stored", host_id: "lab-2" })
})

test("what can be refused from the headers is refused at the beginning", async () => {
  const gate = makeGate()
  const limits = { maxEpisodeBytes: 1000, minFreeBytes: 100 }
  let freeBytes = 1e9
  await using receiver = await startReceiver({ tokens, gate: gate.layer, limits, freeBytes: () => freeBytes })
  const mine = { authorization: `Bearer ${TOKENS.host}`, "x-cis490-code-commit": COMMIT }
  const tell = (more: Record<string, string | undefined>, path = PATH) =>
    send(receiver.port, { ...creation(whole, { ...mine, ...more }), path })
  expect((await send(receiver.port, putOf(other.tarball, { ...mine }))).status).toBe(201)
  const free = PATH.replace(EPISODE, "free")
  expectProblem(await tell({ authorization: undefined }), 401, "unauthenticated")
  expectProblem(await tell({ authorization: `Bearer ${TOKENS.otherHost}` }), 403, "wrong-host")
  expectProblem(await tell({}, "/v1/episodes/lab-1/.."), 400, "bad-name")
  expectProblem(await tell({ "upload-complete": undefined }, free), 400, "bad-request")
  expectProblem(await tell({ "upload-complete": "1" }, free), 400, "bad-request")
  expectProblem(await tell({ "upload-complete": "?0, ?1" }, free), 400, "bad-request")
  expectProblem(await tell({ "upload-length": undefined }, free), 411, "length-required")
  expectProblem(await tell({ "upload-length": "-1" }, free), 411, "length-required")
  expectProblem(await tell({ "upload-length": "12.5" }, free), 411, "length-required")
  expectProblem(await tell({ "repr-digest": undefined }, free), 400, "bad-digest")
  expectProblem(await tell({ "content-digest": "sha-256=:x:" }, free), 400, "bad-digest")
  expectProblem(await tell({ "x-cis490-code-commit": undefined }, free), 400, "missing-commit")
  expectProblem(await tell({ "x-cis490-content-sha256": one.contentSha256 }), 409, "other-content")
  expectProblem(await tell({ "x-cis490-code-commit": OLD_COMMIT }, free), 412, "out-of-window")
  expectProblem(await tell({ "x-cis490-code-commit": STRANGE_COMMIT }, free), 503, "commit-unknown")
  expectRegistered(await tell({ "upload-complete": "?1" }, free), 400, "inconsistent-upload-length", {
    remediation: expect.any(String)
  })
  const large = await tell({ "upload-length": "1001" }, free)
  expectProblem(large, 413, "too-large", { limit_bytes: 1000 })
  expect(large.headers).toMatchObject({ "upload-complete": "?1", "upload-limit": "max-size=1000, max-age=604800" })
  freeBytes = 100
  const full = await tell({}, free)
  expectProblem(full, 507, "disk-full")
  expect(full.headers["upload-complete"]).toBe("?0")
  freeBytes = 1e9
  receiver.dataset.control.trouble = "the index cannot be written"
  expectProblem(await tell({}, free), 503, "unavailable")
  expect(receiver.leftBehind()).toEqual([])
})

test("an append at another offset is refused, and told the right one", async () => {
  await using receiver = await startReceiver()
  const location = await begin(receiver, whole)
  await send(receiver.port, part(location, front, 0, false))
  for (const offset of [0, half - 1, half + 1, whole.length, 999_999_999_999_999]) {
    const refused = await send(receiver.port, part(location, back, offset, true))
    const members = { "expected-offset": half, "provided-offset": offset }
    expectRegistered(refused, 409, "mismatching-upload-offset", members)
    expect(standing(refused)).toEqual({ status: 409, offset: String(half), complete: "?0" })
  }
  expect((await send(receiver.port, part(location, back, half, true))).status).toBe(201)
})

test("lengths that contradict each other are refused, and the upload goes on", async () => {
  await using receiver = await startReceiver()
  const location = await begin(receiver, whole)
  const wrong = [
    part(location, front, 0, true),
    part(location, Buffer.concat([whole, Buffer.from("x")]), 0, false),
    part(location, front, 0, false, { "upload-length": String(whole.length + 1) }),
    part(location, front, 0, false, { "upload-length": "0" })
  ]
  for (const request of wrong) {
    const refused = await send(receiver.port, request)
    expectRegistered(refused, 400, "inconsistent-upload-length", { remediation: expect.any(String) })
    expect(standing(refused)).toEqual({ status: 400, offset: "0", complete: "?0" })
  }
  const right = part(location, whole, 0, true, { "upload-length": `${whole.length};x=1` })
  expect((await send(receiver.port, right)).status).toBe(201)
})

test("a body whose length is not said is taken as far as it was announced", async () => {
  await using receiver = await startReceiver()
  const chunked = (...[path, body, offset, isLast]: Parameters<typeof part>) =>
    part(path, body, offset, isLast, { "content-length": undefined })
  const location = await begin(receiver, whole)
  expect(standing(await send(receiver.port, chunked(location, front, 0, false)))).toMatchObject({
    status: 204,
    offset: String(half)
  })
  const short = await send(receiver.port, chunked(location, back.subarray(0, -1), half, true))
  expectRegistered(short, 400, "inconsistent-upload-length", { remediation: expect.any(String) })
  expect(standing(short)).toMatchObject({ offset: String(whole.length - 1), complete: "?0" })
  const last = await send(receiver.port, chunked(location, whole.subarray(-1), whole.length - 1, true))
  expect(standing(last)).toMatchObject({ status: 201, complete: "?1" })
  const another = await begin(receiver, other.tarball, { "x-cis490-content-sha256": undefined })
  const long = await send(receiver.port, chunked(another, Buffer.concat([other.tarball, Buffer.from("x")]), 0, true))
  expectRegistered(long, 400, "inconsistent-upload-length", { remediation: expect.any(String) })
  expectProblem(await get(receiver, another), 404, "no-upload")
  expect(kept(receiver)).toEqual([])
})

test("hostile headers of an append are refused with words", async () => {
  await using receiver = await startReceiver()
  const location = await begin(receiver, whole)
  const tell = (more: Record<string, string | undefined>) => send(receiver.port, part(location, front, 0, false, more))
  for (const offset of [undefined, "", "-1", "0x0", "1e3", "00000000000000000", "?0", '"0"', "0, 0", "0.0", "a"]) {
    expectProblem(await tell({ "upload-offset": offset }), 400, "bad-request")
  }
  for (const complete of [undefined, "", "0", "true", "?2", "?0, ?0", ":AA==:"]) {
    expectProblem(await tell({ "upload-complete": complete }), 400, "bad-request")
  }
  for (const type of [
    "application/zstd",
    "application/partial-uploads",
    "",
    "text/plain; a=application/partial-upload"
  ]) {
    expectProblem(await tell({ "content-type": type }), 415, "no-partial-upload")
  }
  expectProblem(await tell({ "content-digest": "sha-256=:AAAA:" }), 400, "bad-digest")
  expect(standing(await send(receiver.port, look(location)))).toEqual({ status: 204, offset: "0", complete: "?0" })
  const odd = {
    "content-type": "Application/Partial-Upload; x=y",
    "upload-offset": " 0;a=1;b",
    "upload-complete": "?0;q"
  }
  expect((await tell(odd)).status).toBe(204)
  for (const path of ["/v1/uploads/", "/v1/uploads/..", `${location}x`, `${location}/x`, location.toUpperCase()]) {
    const answer = await send(receiver.port, { method: "GET", path })
    expect(answer.status).toBe(404)
  }
})

test("only the host that began an upload can go on with it, and nobody else is told of it", async () => {
  await using receiver = await startReceiver({ tokens })
  const as = (token: string) => ({ authorization: `Bearer ${token}` })
  const location = await begin(receiver, whole, as(TOKENS.host))
  const nowhere = location.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))
  const stranger = as(TOKENS.otherHost)
  const answers = await Promise.all(
    [location, nowhere].map(async (path) => [
      (await send(receiver.port, part(path, front, 0, false, stranger))).text,
      (await send(receiver.port, look(path, stranger))).headers["x-cis490-problem"],
      (await send(receiver.port, { method: "DELETE", path, headers: stranger })).text
    ])
  )
  expect(answers[0]).toEqual(answers[1])
  expect(JSON.parse(String(answers[0]?.[0]))).toMatchObject({ type: "urn:cis490:problem:no-upload", status: 404 })
  expectProblem(await send(receiver.port, part(location, front, 0, false)), 401, "unauthenticated")
  expectProblem(await send(receiver.port, part(location, front, 0, false, as(TOKENS.admin))), 401, "unauthenticated")
  const mine = await send(receiver.port, part(location, whole, 0, true, as(TOKENS.host)))
  expect(mine.status).toBe(201)
})

test("a cancelled upload is gone, a stored episode stays", async () => {
  await using receiver = await startReceiver()
  const location = await begin(receiver, whole)
  await send(receiver.port, part(location, front, 0, false))
  const cancel = () => send(receiver.port, { method: "DELETE", path: location })
  expect((await cancel()).status).toBe(204)
  expect(kept(receiver)).toEqual([])
  expectProblem(await cancel(), 404, "no-upload")
  expectProblem(await send(receiver.port, part(location, back, half, true)), 404, "no-upload")
  const second = await begin(receiver, whole)
  await send(receiver.port, part(second, whole, 0, true))
  expect((await send(receiver.port, { method: "DELETE", path: second })).status).toBe(204)
  expectProblem(await get(receiver, second), 404, "no-upload")
  expect((await send(receiver.port, { method: "HEAD", path: PATH })).status).toBe(200)
})

test("OPTIONS tells the limits to those who may write", async () => {
  await using receiver = await startReceiver({ tokens })
  const tell = (token: string) =>
    send(receiver.port, { method: "OPTIONS", path: PATH, headers: { authorization: `Bearer ${token}` } })
  const answer = await tell(TOKENS.host)
  expect(answer.status).toBe(204)
  expect(answer.headers).toMatchObject({
    allow: "HEAD, PUT, POST, OPTIONS",
    "upload-limit": "max-size=67108864, max-age=604800"
  })
  expectProblem(await tell("nobody"), 401, "unauthenticated")
  expectProblem(await tell(TOKENS.otherHost), 403, "wrong-host")
})

test("a PUT that announces the draft is told where it can be resumed", async () => {
  await using receiver = await startReceiver()
  const announced = { "upload-complete": "?1", "upload-draft-interop-version": "8" }
  const { answer, interim } = await ask(receiver, putOf(whole, announced))
  expect(standing(answer)).toMatchObject({ status: 201, complete: "?1" })
  expect(jsonOf(answer)).toMatchObject({ status: "stored" })
  expect(interim).toHaveLength(1)
  const [first] = interim
  expect(first?.statusCode).toBe(104)
  expect(first?.statusMessage).toBe("Upload Resumption Supported")
  expect(first?.headers).toEqual({
    location: answer.headers.location,
    "upload-limit": expect.stringMatching(LIMIT),
    "upload-draft-interop-version": "8"
  })
  for (const version of [undefined, "6", "9", "8.0", "?1"]) {
    const plain = { ...announced, "upload-draft-interop-version": version }
    const path = PATH.replace(EPISODE, "plain")
    const { answer, interim } = await ask(receiver, { ...putOf(other.tarball, plain), path })
    expectProblem(answer, 422, "invalid-archive")
    expect(interim).toEqual([])
  }
  expect(kept(receiver)).toEqual([])
})

test("who is told of an upload in its answer, or knows of it, is sent no 104", async () => {
  await using receiver = await startReceiver()
  const version = { "upload-draft-interop-version": "8" }
  const begun = await ask(receiver, creation(whole, version))
  const location = String(begun.answer.headers.location)
  const middle = await ask(receiver, part(location, front, 0, false, version))
  const last = await ask(receiver, part(location, back, half, true, version))
  const told = [begun, middle, last].map(({ answer, interim }) => [answer.status, interim])
  expect(told).toEqual([
    [201, []],
    [204, []],
    [201, []]
  ])
})

test("the line of an upload that is stored says how long its tarball is", async () => {
  await using receiver = await startReceiver()
  const location = await begin(receiver, whole)
  await send(receiver.port, part(location, front, 0, false))
  await send(receiver.port, part(location, back, half, true))
  const stored = receiver.logs.filter(({ message }) => message === "stored")
  expect(stored.map(({ annotations }) => annotations["bytes"])).toEqual([whole.length])
})

test("an upload that cannot be taken is gone with its answer, which is that of a PUT", async () => {
  const gate = makeGate()
  await using receiver = await startReceiver({ gate: gate.layer })
  const commit = { "x-cis490-code-commit": COMMIT }
  const outcome = async (path: string, body: Uint8Array, more: Record<string, string> = {}, length = body.length) => {
    const request = creation(body, { ...commit, ...more, "upload-length": String(length) })
    const begun = await send(receiver.port, { ...request, path })
    const location = String(begun.headers.location)
    const answer = await send(receiver.port, part(location, body, 0, true))
    expect(standing(answer).complete).toBe("?1")
    expectProblem(await get(receiver, location), 404, "no-upload")
    return answer
  }
  const free = PATH.replace(EPISODE, "free")
  expectProblem(await outcome(free, whole), 422, "invalid-archive")
  expectProblem(await outcome(PATH, Buffer.from("hello")), 422, "invalid-archive")
  expectProblem(await outcome(PATH, whole, { "repr-digest": reprDigestOf(other.tarball) }), 422, "digest-mismatch")
  expectProblem(await outcome(PATH, whole, { "x-cis490-content-sha256": other.contentSha256 }), 422, "digest-mismatch")
  expectProblem(await outcome(PATH, whole, { "x-cis490-code-commit": "e".repeat(40) }), 422, "invalid-archive")
  const location = await begin(receiver, whole, commit)
  expect((await send(receiver.port, putOf(other.tarball, commit))).status).toBe(201)
  const conflict = await send(receiver.port, part(location, whole, 0, true))
  expectProblem(conflict, 409, "other-content", { your_sha256: one.sha256, stored_sha256: other.sha256 })
  expect(kept(receiver)).toEqual([])
})
