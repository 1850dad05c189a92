import { randomBytes } from "node:crypto"
import * as zlib from "node:zlib"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import { expect, test } from "vitest"
import { Fatal } from "../../src/receiver/Fatal.ts"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { startReceiver } from "../support/receiver.ts"
import { directory, episode, file, marker, meta, tarOf, withFlag, zstd } from "../support/tarball.ts"
import { connect, expectProblem, jsonOf, reprDigestOf, send, until } from "../support/wire.ts"

const MIB = 1024 * 1024
const contentHeader = "X-Cis490-Content-Sha256"
const small = makeEpisode()

/** Does not compress, so that the tarball is about as large. */
const noise = (bytes: number): string => {
  let state = 1
  return Array.from({ length: bytes }, () => {
    state = (state * 48271) % 2147483647
    return String.fromCharCode(33 + (state % 90))
  }).join("")
}
const large = makeEpisode(noise(4 * MIB))

test("a digest that does not fit is damage on the way, also when the archive is broken by it", async () => {
  await using receiver = await startReceiver()
  const damaged = Uint8Array.from(large.tarball)
  damaged.fill(0, 100_000, 200_000)
  const announced = reprDigestOf(large.tarball)
  for (const body of [damaged, new Uint8Array(2 * MIB), small.tarball]) {
    const answer = await send(receiver.port, putOf(body, { "repr-digest": announced }))
    expectProblem(answer, 422, "digest-mismatch", { error: expect.stringMatching(/^digest mismatch: /) })
  }
  const content = await send(receiver.port, putOf(small.tarball, { [contentHeader]: large.contentSha256 }))
  expectProblem(content, 422, "digest-mismatch", { error: expect.stringMatching(/^digest mismatch: content /) })
  expectProblem(await send(receiver.port, putOf(damaged)), 422, "invalid-archive")
  await until(() => receiver.leftBehind().length === 0)
  expect(receiver.dataset.arrivals).toEqual([])
})

test("an archive that is not sound leaves nothing behind", async () => {
  await using receiver = await startReceiver({ limits: { maxUnpackedBytes: 8 * MIB, maxMembers: 5 } })
  const many = Array.from({ length: 4 }, (_, i) => file(`${EPISODE}/${i}`))
  const bodies: ReadonlyArray<[string, Uint8Array]> = [
    ["nothing", new Uint8Array(0)],
    ["no zstd", new TextEncoder().encode("hello")],
    ["gzip", zlib.gzipSync(episode())],
    ["no tar", zstd(new TextEncoder().encode("hello"))],
    [
      "another top directory",
      zstd(tarOf(directory("other"), file("other/done.marker"), file("other/meta.json", "{}")))
    ],
    ["no meta.json", zstd(tarOf(directory(EPISODE), marker))],
    ["no done.marker", zstd(tarOf(directory(EPISODE), meta))],
    ["a link", zstd(episode(withFlag(file(`${EPISODE}/link`), "2")))],
    ["a way out", zstd(episode(file(`${EPISODE}/../../etc/passwd`)))],
    ["too many members", zstd(episode(...many))],
    ["cut short", small.tarball.subarray(0, -5)],
    ["more behind", Buffer.concat([small.tarball, new Uint8Array(1)])]
  ]
  for (const [what, body] of bodies) {
    const answer = await send(receiver.port, putOf(body))
    expect({ what, status: answer.status }).toEqual({ what, status: 422 })
    expectProblem(answer, 422, "invalid-archive", { error: expect.stringMatching(/^invalid archive: /) })
  }
  const bomb = zstd(episode(file(`${EPISODE}/zeros`, new Uint8Array(16 * MIB))))
  expectProblem(await send(receiver.port, putOf(bomb)), 413, "too-large", { limit_bytes: 8 * MIB })
  await until(() => receiver.leftBehind().length === 0)
  expect((await send(receiver.port, putOf(small.tarball))).status).toBe(201)
})

test("who is refused from the headers gets the answer while the body still comes", async () => {
  await using receiver = await startReceiver({ limits: { maxEpisodeBytes: MIB } })
  const body = new Uint8Array(24 * MIB)
  const cases = [
    [{ ...putOf(body), path: "/v1/episodes/lab-1/-" }, 400, "bad-name"],
    [{ ...putOf(body), path: "/v1/nothing" }, 404, "not-found"],
    [putOf(body, { "content-length": undefined, "transfer-encoding": "chunked" }), 411, "length-required"],
    [putOf(body), 413, "too-large"]
  ] as const
  for (const [request, status, problem] of cases) expectProblem(await send(receiver.port, request), status, problem)
})

test("who is refused in mid-body gets the answer too", async () => {
  await using receiver = await startReceiver({ limits: { maxUnpackedBytes: MIB } })
  const body = zstd(episode(file(`${EPISODE}/noise`, randomBytes(24 * MIB))))
  expectProblem(await send(receiver.port, putOf(body)), 413, "too-large", { limit_bytes: MIB })
  await until(() => receiver.leftBehind().length === 0)
})

test("no body and no length is no length", async () => {
  await using receiver = await startReceiver()
  const connection = connect(receiver.port)
  await connection.head({ method: "PUT", path: PATH, headers: { connection: "close" } })
  await connection.closed
  expect(connection.text()).toMatch(/^HTTP\/1\.1 411 /)
})

test("a connection that is cut leaves nothing behind", async () => {
  await using receiver = await startReceiver()
  const begun = async () => {
    const connection = connect(receiver.port)
    await connection.head(putOf(large.tarball))
    await connection.write(large.tarball.subarray(0, 2 * MIB))
    await until(() => receiver.leftBehind().length === 1)
    return connection
  }
  const gone = async (lines: number) => {
    await until(() => receiver.logs.length === lines)
    await until(() => receiver.leftBehind().length === 0)
  }
  const first = await begun()
  first.socket.resetAndDestroy()
  await gone(1)
  const second = await begun()
  second.socket.destroy()
  await gone(2)
  const third = await begun()
  third.socket.end()
  await gone(3)
  for (const { annotations, level } of receiver.logs) {
    expect({ level, problem: annotations["problem"] }).toEqual({ level: "Warn", problem: "body-stalled" })
    expect(annotations["bytes"]).toBeGreaterThan(0)
  }
  expect(receiver.dataset.arrivals).toEqual([])
})

test("a body that stands still is given up", async () => {
  await using receiver = await startReceiver({ limits: { bodyIdleMillis: 50 } })
  for (const sent of [0, 100]) {
    const connection = connect(receiver.port)
    await connection.head(putOf(small.tarball))
    await connection.write(small.tarball.subarray(0, sent))
    await until(() => connection.text().includes("\r\n\r\n"))
    expect(connection.text()).toMatch(/^HTTP\/1\.1 408 [^]*"type":"urn:cis490:problem:body-stalled"/)
    connection.socket.destroy()
  }
  await until(() => receiver.leftBehind().length === 0)
})

test("a body that crawls is given up though it moves", async () => {
  const crawl = { bytesPerSecond: 1_000_000_000, afterMillis: 1 }
  await using receiver = await startReceiver({ limits: { crawl } })
  const connection = connect(receiver.port)
  await connection.head(putOf(large.tarball))
  for (let at = 0; !connection.text().includes("\r\n\r\n"); at++) {
    await connection.write(large.tarball.subarray(at, at + 1))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(connection.text()).toMatch(/^HTTP\/1\.1 408 [^]*crawls/)
  connection.socket.destroy()
  await until(() => receiver.leftBehind().length === 0)
})

test("a body in small pieces arrives whole, and the connection serves again", async () => {
  await using receiver = await startReceiver()
  const connection = connect(receiver.port)
  for (let round = 1; round <= 2; round++) {
    await connection.head({ ...putOf(small.tarball), path: `/v1/episodes/lab-${round}/${EPISODE}` })
    for (const byte of small.tarball) {
      await connection.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => connection.text().split("content_sha256").length > round)
  }
  expect(connection.text()).toMatch(/HTTP\/1\.1 201 [^]*HTTP\/1\.1 201 /)
  connection.socket.destroy()
})

test("a body that arrived whole is stored though nobody waits for the answer", async () => {
  await using receiver = await startReceiver()
  for (const [n, { tarball }] of [small, large].entries()) {
    const connection = connect(receiver.port)
    await connection.head({ ...putOf(tarball), path: `/v1/episodes/lab-${n}/${EPISODE}` })
    await connection.write(tarball)
    connection.socket.destroy()
    await until(() => receiver.logs.length === n + 1)
  }
  expect(receiver.logs.map(({ message }) => message)).toEqual(["stored", "stored"])
  await until(() => receiver.leftBehind().length === 0)
})

const failing = (code: string) =>
  Effect.fail(
    PlatformError.systemError({
      _tag: "Unknown",
      module: "FileSystem",
      method: "write",
      cause: Object.assign(new Error(`${code}: write`), { code })
    })
  )

/** The file with one of its members replaced. */
const changed = (original: FileSystem.File, over: Partial<FileSystem.File>): FileSystem.File =>
  new Proxy(original, {
    get: (target, key) => {
      if (Object.hasOwn(over, key)) return over[key as keyof FileSystem.File]
      const value: unknown = Reflect.get(target, key)
      return typeof value === "function" ? value.bind(target) : value
    }
  })

test("a disk that runs full in mid-body is said, and nothing is left on it", async () => {
  for (const [code, status, problem] of [
    ["ENOSPC", 507, "disk-full"],
    ["EDQUOT", 507, "disk-full"],
    ["EIO", 503, "unavailable"]
  ] as const) {
    let writes = 0
    await using receiver = await startReceiver({
      file: (original) =>
        changed(original, {
          writeAll: (bytes) => Effect.suspend(() => (++writes > 1 ? failing(code) : original.writeAll(bytes)))
        })
    })
    const answer = await send(receiver.port, putOf(large.tarball))
    expectProblem(answer, status, problem)
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0)
    expect(writes).toBe(2)
    await until(() => receiver.leftBehind().length === 0)
  }
})

test("a sync that fails ends the program and is no success", async () => {
  await using receiver = await startReceiver({ file: (original) => changed(original, { sync: failing("EIO") }) })
  const ended = receiver.run(Effect.exit(Effect.flatMap(Fatal, ({ awaited }) => awaited)))
  const answer = await send(receiver.port, putOf(small.tarball))
  expectProblem(answer, 500, "internal")
  const exit = await ended
  expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
  expect(receiver.dataset.arrivals).toEqual([])
})

test("every byte counts: a large episode arrives as it was sent", async () => {
  await using receiver = await startReceiver()
  const answer = await send(receiver.port, putOf(large.tarball, { [contentHeader]: large.contentSha256 }))
  expect(jsonOf(answer)).toMatchObject({ status: "stored", sha256: large.sha256, bytes: large.tarball.length })
  expect(receiver.dataset.arrivals.map(({ content }) => Buffer.from(large.tarball).equals(content))).toEqual([true])
})
