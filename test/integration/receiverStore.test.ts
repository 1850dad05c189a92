/** The receiver over its dataset on a real disk. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Layer from "effect/Layer"
import { afterAll, expect, test } from "vitest"
import { layerLookup } from "../../layers/Lookup.ts"
import { layerDataset } from "../../src/receiver/layerDataset.ts"
import { COMMIT, EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { makeGate, OLD_COMMIT, type Receiver, startReceiver, temporaryDirectory } from "../support/receiver.ts"
import { expectProblem, jsonOf, send, sha256Of, until } from "../support/wire.ts"

const root = temporaryDirectory()
afterAll(() => rmSync(root, { recursive: true, force: true }))

const indexPath = join(root, "index.jsonl")
const stored = join(root, "store", "lab-1", `${EPISODE}.tar.zst`)
const onDisk = (below: string) => {
  const options = {
    storeRoot: join(below, "store"),
    incomingRoot: join(below, "incoming"),
    indexPath: join(below, "index.jsonl"),
    maxMembers: 1000,
    maxUnpackedBytes: 1e9
  }
  return layerDataset(options).pipe(Layer.provide(layerLookup(options.indexPath)))
}
const start = (below: string = root) => startReceiver({ root: below, dataset: onDisk })

const one = makeEpisode("one\n", 3)
const repacked = makeEpisode("one\n", 4)
const other = makeEpisode("other\n")

const rows = () => readFileSync(indexPath, "utf8").trim().split("\n")
const put = ({ port }: Receiver, { tarball }: typeof one) => send(port, putOf(tarball))

test("what was stored lies there, has one row, and is known after a restart", async () => {
  const answer = { host_id: "lab-1", episode_id: EPISODE, sha256: one.sha256, content_sha256: one.contentSha256 }
  {
    await using receiver = await start()
    const first = await put(receiver, one)
    expect(first.status).toBe(201)
    expect(jsonOf(first)).toEqual({ ...answer, status: "stored", bytes: one.tarball.length })
    expect(readFileSync(stored)).toEqual(Buffer.from(one.tarball))
    expectProblem(await put(receiver, other), 409, "other-content", {
      stored_sha256: one.sha256,
      your_sha256: other.sha256
    })
    await until(() => receiver.leftBehind().length === 0)
  }
  await using receiver = await start()
  for (const episode of [one, repacked]) {
    const again = await put(receiver, episode)
    expect(again.status).toBe(200)
    expect(jsonOf(again)).toEqual({ ...answer, status: "already_present", bytes: one.tarball.length })
  }
  const head = await send(receiver.port, { method: "HEAD", path: PATH })
  expect(head).toMatchObject({ status: 200, headers: { "content-length": String(one.tarball.length) } })
  expect(rows()).toHaveLength(1)
  expect(JSON.parse(rows()[0] ?? "")).toMatchObject({ ...answer, schema_version: 1 })
  await until(() => receiver.leftBehind().length === 0)
})

test("a stored copy that was damaged is healed by its own content only", async () => {
  await using receiver = await start()
  writeFileSync(stored, "cut")
  expect(await send(receiver.port, { method: "HEAD", path: PATH })).toMatchObject({ status: 404 })
  expectProblem(await put(receiver, other), 409, "stored-copy-lost")
  expect((await put(receiver, one)).status).toBe(201)
  expect(readFileSync(stored)).toEqual(Buffer.from(one.tarball))
  expect((await put(receiver, one)).status).toBe(200)
  await until(() => receiver.leftBehind().length === 0)
})

test("many of one name at once: one is stored", async () => {
  const below = temporaryDirectory()
  {
    await using receiver = await start(below)
    const episodes = [one, repacked, other, one, repacked, other]
    const answers = await Promise.all(episodes.map((episode) => put(receiver, episode)))
    const count = (status: number) => answers.filter((answer) => answer.status === status).length
    expect(count(201)).toBe(1)
    expect(count(200) + count(409)).toBe(5)
    await until(() => receiver.leftBehind().length === 0)
  }
  expect(readFileSync(join(below, "index.jsonl"), "utf8").trim().split("\n")).toHaveLength(1)
  rmSync(below, { recursive: true })
})

/** A store of its own, behind a gate, and what is sent there by code that is out of the window. */
const behindTheGate = (episode: typeof one) => {
  const below = temporaryDirectory()
  const index = join(below, "index.jsonl")
  const file = join(below, "store", "lab-1", `${EPISODE}.tar.zst`)
  mkdirSync(join(below, "store", "lab-1"), { recursive: true })
  const row = {
    schema_version: 1,
    host_id: "lab-1",
    episode_id: EPISODE,
    sha256: episode.sha256,
    bytes: episode.tarball.length,
    content_sha256: episode.contentSha256,
    received_at: "2026-01-01T00:00:00.000Z",
    commit: COMMIT
  }
  return {
    index,
    file,
    row,
    start: () => startReceiver({ root: below, dataset: onDisk, gate: makeGate().layer }),
    putOld: ({ port }: Receiver, { tarball }: typeof one, content?: string) =>
      send(port, putOf(tarball, { "x-cis490-code-commit": OLD_COMMIT, "x-cis490-content-sha256": content })),
    [Symbol.dispose]: () => rmSync(below, { recursive: true })
  }
}

test("what was withdrawn is brought back by its own content, whatever the window says; anything else is new", async () => {
  using ground = behindTheGate(one)
  writeFileSync(ground.index, `${JSON.stringify(ground.row)}\n`)
  appendFileSync(ground.index, `${JSON.stringify({ ...ground.row, status: "withdrawn" })}\n`)
  await using receiver = await ground.start()
  expect(await send(receiver.port, { method: "HEAD", path: PATH })).toMatchObject({ status: 404 })
  expectProblem(await ground.putOld(receiver, other, other.contentSha256), 412, "out-of-window")
  expectProblem(await ground.putOld(receiver, repacked), 412, "out-of-window")
  expectProblem(await ground.putOld(receiver, other, one.contentSha256), 422, "digest-mismatch")
  expect(existsSync(ground.file)).toBe(false)
  expect((await ground.putOld(receiver, repacked, one.contentSha256)).status).toBe(201)
  expect(readFileSync(ground.file)).toEqual(Buffer.from(repacked.tarball))
  expect(await send(receiver.port, { method: "HEAD", path: PATH })).toMatchObject({ status: 200 })
  await until(() => receiver.leftBehind().length === 0)
})

test("a tarball that nobody would take today is known by its bytes, where an older row accepted it", async () => {
  const old = { ...one, tarball: Buffer.from("of old"), sha256: sha256Of(Buffer.from("of old")) }
  using ground = behindTheGate(old)
  const { content_sha256: _, commit: __, ...row } = ground.row
  writeFileSync(ground.index, `${JSON.stringify(row)}\n`)
  writeFileSync(ground.file, old.tarball)
  await using receiver = await ground.start()
  const head = await send(receiver.port, { method: "HEAD", path: PATH })
  expect(head).toMatchObject({ status: 200, headers: { "content-length": "6" } })
  expect(head.headers).not.toHaveProperty("x-cis490-content-sha256")
  const answer = { status: "already_present", host_id: "lab-1", episode_id: EPISODE, sha256: old.sha256, bytes: 6 }
  expect(jsonOf(await ground.putOld(receiver, old))).toEqual(answer)
  // What is in its own bytes their sender knows.
  expect(jsonOf(await ground.putOld(receiver, old, one.contentSha256))).toEqual({
    ...answer,
    content_sha256: one.contentSha256
  })
  expectProblem(await ground.putOld(receiver, one, one.contentSha256), 409, "other-content", {
    stored_sha256: old.sha256
  })
  expect(readFileSync(ground.file)).toEqual(old.tarball)
})

test("a stored file without a row gets it and stays, whatever the window says", async () => {
  using ground = behindTheGate(one)
  writeFileSync(ground.file, one.tarball)
  await using receiver = await ground.start()
  expectProblem(await ground.putOld(receiver, other, other.contentSha256), 409, "other-content", {
    stored_sha256: one.sha256
  })
  const rows = () => readFileSync(ground.index, "utf8").trimEnd().split("\n")
  expect(rows().map((line) => JSON.parse(line))).toMatchObject([{ sha256: one.sha256, commit: COMMIT }])
  const answer = await ground.putOld(receiver, repacked, one.contentSha256)
  expect(answer.status).toBe(200)
  expect(jsonOf(answer)).toMatchObject({ status: "already_present", sha256: one.sha256 })
  expect(readFileSync(ground.file)).toEqual(Buffer.from(one.tarball))
  expect(rows()).toHaveLength(1)
  await until(() => receiver.leftBehind().length === 0)
})
