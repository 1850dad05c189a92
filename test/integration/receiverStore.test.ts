/** The receiver over its dataset on a real disk. */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Layer from "effect/Layer"
import { afterAll, expect, test } from "vitest"
import { layerLookup } from "../../layers/Lookup.ts"
import { layerDataset } from "../../src/receiver/layerDataset.ts"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { type Receiver, startReceiver, temporaryDirectory } from "../support/receiver.ts"
import { expectProblem, jsonOf, send, until } from "../support/wire.ts"

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
