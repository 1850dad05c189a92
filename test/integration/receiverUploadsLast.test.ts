/** Resumable uploads over time: restarts, crashes, disks that fail, expiry, and how many there may be. */
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { afterEach, expect, test } from "vitest"
import { layerLookup } from "../../layers/Lookup.ts"
import type { Problem } from "../../src/domain/protocol.ts"
import { Fatal } from "../../src/receiver/Fatal.ts"
import { Gate } from "../../src/receiver/gate.ts"
import { layerDataset } from "../../src/receiver/layerDataset.ts"
import { COMMIT, EPISODE, makeEpisode, PATH } from "../support/episode.ts"
import { errno } from "../support/faultyFiles.ts"
import { makeGate, type Receiver, startReceiver, TOKENS, temporaryDirectory, tokens } from "../support/receiver.ts"
import {
  begin,
  creation,
  dataOf,
  hang,
  kept,
  largeEpisode,
  look,
  part,
  standing,
  stateOf
} from "../support/receiverUploads.ts"
import { type Answer, expectProblem, jsonOf, send, until } from "../support/wire.ts"

const DAY = 86_400_000
const MIB = 1024 * 1024
const large = largeEpisode(3 * MIB)
const whole = large.tarball
const small = makeEpisode("small\n").tarball

const roots: Array<string> = []
const makeRoot = (): string => {
  const root = temporaryDirectory()
  roots.push(root)
  return root
}
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

const onDisk = (below: string) => {
  const indexPath = join(below, "index.jsonl")
  return layerDataset({
    storeRoot: join(below, "store"),
    incomingRoot: join(below, "incoming"),
    indexPath,
    maxMembers: 1000,
    maxUnpackedBytes: 1e9
  }).pipe(Layer.provide(layerLookup(indexPath)))
}
const get = ({ port }: Receiver, path: string) => send(port, { method: "GET", path })
const offsetOf = ({ headers }: Answer): number => Number(headers["upload-offset"])
const ask = async ({ port }: Receiver, path: string): Promise<number> => offsetOf(await send(port, look(path)))
const put = ({ port }: Receiver, path: string, from: number, to: number, isLast = false) =>
  send(port, part(path, whole.subarray(from, to), from, isLast))

/** Where a crash at this moment would leave everything. */
const crashed = (root: string): string => {
  const copy = makeRoot()
  cpSync(root, copy, { recursive: true })
  rmSync(join(copy, "store", ".lock"), { force: true })
  return copy
}

test("an upload goes on after a restart, and its episode is stored once", async () => {
  const root = makeRoot()
  let path: string
  {
    await using receiver = await startReceiver({ root, dataset: onDisk })
    path = await begin(receiver, whole)
    await put(receiver, path, 0, MIB)
    const { closed, socket } = await hang(receiver, part(path, whole.subarray(MIB), MIB, true), 100)
    await until(() => socket.bytesWritten > 100)
    void closed
  }
  {
    await using receiver = await startReceiver({ root, dataset: onDisk })
    const offset = await ask(receiver, path)
    expect(offset).toBeGreaterThanOrEqual(MIB)
    expect(standing(await put(receiver, path, offset, 2 * MIB))).toMatchObject({ status: 204 })
  }
  await using receiver = await startReceiver({ root, dataset: onDisk })
  const answer = await put(receiver, path, 2 * MIB, whole.length, true)
  expect(answer.status).toBe(201)
  expect(jsonOf(answer)).toMatchObject({ status: "stored", content_sha256: large.contentSha256 })
  expect(readFileSync(join(root, "store", "lab-1", `${EPISODE}.tar.zst`))).toEqual(Buffer.from(whole))
  await until(() => receiver.leftBehind().join() === "uploads")
  expect(kept(receiver)).toEqual([])
})

test("nobody is told of bytes that are not durable, and a crash leaves what was told", async () => {
  const root = makeRoot()
  let held: Deferred.Deferred<void> | undefined
  const reached: Array<string> = []
  const slowly = (file: FileSystem.File, path: string): FileSystem.File =>
    new Proxy(file, {
      get: (target, key) => {
        if (key !== "sync") return Reflect.get(target, key, target)
        return Effect.suspend(() => {
          if (held === undefined || !path.includes("uploads")) return target.sync
          reached.push(path)
          return Effect.andThen(Deferred.await(held), target.sync)
        })
      }
    })
  await using receiver = await startReceiver({ root, file: slowly })
  const path = await begin(receiver, whole)
  await put(receiver, path, 0, MIB)
  const afterCrash = async () => {
    await using later = await startReceiver({ root: crashed(root) })
    return await ask(later, path)
  }
  const data = Deferred.makeUnsafe<void>()
  held = data
  let told: Answer | undefined
  const append = async () => {
    told = await put(receiver, path, MIB, 2 * MIB)
  }
  const appending = append()
  await until(() => reached.length === 1)
  expect(reached).toEqual([dataOf(receiver, path)])
  expect(await afterCrash()).toBe(MIB)
  const state = Deferred.makeUnsafe<void>()
  held = state
  Deferred.doneUnsafe(data, Effect.void)
  await until(() => reached.length === 2)
  expect(reached[1]).toBe(`${stateOf(receiver, path)}.tmp`)
  expect(told).toBeUndefined()
  expect(await afterCrash()).toBe(MIB)
  held = undefined
  Deferred.doneUnsafe(state, Effect.void)
  await appending
  expect(told).toMatchObject({ status: 204, headers: { "upload-offset": String(2 * MIB) } })
  expect(await afterCrash()).toBe(2 * MIB)
})

test("what a crash left behind the offset counts for nothing", async () => {
  const root = makeRoot()
  let path: string
  {
    await using receiver = await startReceiver({ root })
    path = await begin(receiver, whole)
    await put(receiver, path, 0, MIB)
    writeFileSync(dataOf(receiver, path), Buffer.concat([whole.subarray(0, MIB), Buffer.alloc(4 * MIB, 1)]))
  }
  await using receiver = await startReceiver({ root })
  expect(await ask(receiver, path)).toBe(MIB)
  expect((await put(receiver, path, MIB, whole.length, true)).status).toBe(201)
  expect(receiver.dataset.arrivals[0]?.content).toEqual(Buffer.from(whole))
})

test("a start removes the broken leftovers of its own, and nothing else", async () => {
  const root = makeRoot()
  const uploads = join(root, "incoming", "uploads")
  const token = (digit: string) => digit.repeat(32)
  let sound: string
  let paths: ReadonlyArray<string>
  {
    await using receiver = await startReceiver({ root })
    sound = await begin(receiver, whole)
    await put(receiver, sound, 0, 1000)
    paths = await Promise.all(Array.from({ length: 4 }, () => begin(receiver, whole)))
    const [short = "", torn = "", ahead = "", gone = ""] = paths
    await put(receiver, short, 0, 1000)
    truncateSync(dataOf(receiver, short), 999)
    truncateSync(stateOf(receiver, torn), 10)
    const state = JSON.parse(readFileSync(stateOf(receiver, ahead), "utf8"))
    writeFileSync(stateOf(receiver, ahead), JSON.stringify({ ...state, offset: whole.length + 1 }))
    rmSync(stateOf(receiver, gone))
  }
  const name = sound.split("/").at(-1)
  writeFileSync(join(uploads, `${name}.json.tmp`), "{")
  for (const stray of ["README", `${token("x")}.part`, `${token("a")}.other`]) writeFileSync(join(uploads, stray), "")
  writeFileSync(join(uploads, `${token("b")}.json`), "{}")
  await using receiver = await startReceiver({ root })
  const left = ["README", `${token("a")}.other`, `${name}.json`, `${name}.part`, `${token("x")}.part`]
  expect(kept(receiver)).toEqual(left.toSorted())
  expect(await ask(receiver, sound)).toBe(1000)
  for (const path of paths) expectProblem(await get(receiver, path), 404, "no-upload")
})

test("an answer that was not the last word leaves the upload to be completed later", async () => {
  const control: { refuse: Problem | undefined } = { refuse: undefined }
  const gate = Layer.succeed(Gate, {
    enabled: true,
    remediation: "git pull",
    admit: () => Effect.suspend(() => (control.refuse === undefined ? Effect.void : Effect.fail(control.refuse))),
    head: Effect.succeed(null),
    allows: () => Effect.succeed(true)
  })
  await using receiver = await startReceiver({ gate })
  const path = await begin(receiver, whole, { "x-cis490-code-commit": COMMIT })
  await put(receiver, path, 0, 100)
  control.refuse = { problem: "commit-unknown", error: "the gate cannot tell" }
  const complete = async (from = whole.length) => put(receiver, path, from, whole.length, true)
  for (const from of [100, whole.length]) {
    const put0ff = await complete(from)
    expectProblem(put0ff, 503, "commit-unknown")
    expect(standing(put0ff)).toEqual({ status: 503, offset: String(whole.length), complete: "?0" })
  }
  control.refuse = undefined
  receiver.dataset.control.trouble = "the index cannot be written"
  expectProblem(await complete(), 503, "unavailable")
  receiver.dataset.control.trouble = undefined
  receiver.dataset.control.defect = new Error("a mistake")
  expectProblem(await complete(), 500, "internal")
  receiver.dataset.control.defect = undefined
  expect((await complete()).status).toBe(201)
  expect(receiver.dataset.arrivals[0]?.content).toEqual(Buffer.from(whole))
})

test("the gate has the last word, and then the upload is gone", async () => {
  let window = true
  const gate = Layer.succeed(Gate, {
    enabled: true,
    remediation: "git pull",
    admit: () =>
      Effect.suspend(() =>
        window ? Effect.void : Effect.fail({ problem: "out-of-window", error: "too old" } as const)
      ),
    head: Effect.succeed(null),
    allows: () => Effect.succeed(true)
  })
  await using receiver = await startReceiver({ gate })
  const path = await begin(receiver, whole, { "x-cis490-code-commit": COMMIT })
  window = false
  const refused = await put(receiver, path, 0, whole.length, true)
  expectProblem(refused, 412, "out-of-window")
  expect(standing(refused).complete).toBe("?1")
  expectProblem(await get(receiver, path), 404, "no-upload")
})

test("what began without a commit is refused once the gate is on", async () => {
  const root = makeRoot()
  let path: string
  {
    await using receiver = await startReceiver({ root })
    path = await begin(receiver, whole)
    await put(receiver, path, 0, MIB)
  }
  await using receiver = await startReceiver({ root, gate: makeGate().layer })
  const refused = await put(receiver, path, MIB, whole.length, true)
  expectProblem(refused, 400, "missing-commit")
  expect(standing(refused).complete).toBe("?1")
  expectProblem(await get(receiver, path), 404, "no-upload")
  expect(receiver.dataset.arrivals).toEqual([])
})

test("a disk that is full keeps what was acknowledged", async () => {
  let room = Number.POSITIVE_INFINITY
  const filling = (file: FileSystem.File, path: string): FileSystem.File =>
    new Proxy(file, {
      get: (target, key) => {
        if (key !== "writeAll" || !path.endsWith(".part")) return Reflect.get(target, key, target)
        return (bytes: Uint8Array) =>
          Effect.suspend(() => {
            room -= bytes.length
            return room < 0 ? Effect.fail(errno("ENOSPC", path)) : target.writeAll(bytes)
          })
      }
    })
  await using receiver = await startReceiver({ file: filling })
  const path = await begin(receiver, whole)
  await put(receiver, path, 0, 1000)
  room = MIB
  const full = await put(receiver, path, 1000, whole.length, true)
  expectProblem(full, 507, "disk-full")
  const offset = offsetOf(full)
  expect(standing(full)).toEqual({ status: 507, offset: String(offset), complete: "?0" })
  expect(offset).toBeGreaterThanOrEqual(1000)
  room = Number.POSITIVE_INFINITY
  expect(await ask(receiver, path)).toBe(offset)
  expect((await put(receiver, path, offset, whole.length, true)).status).toBe(201)
  expect(receiver.dataset.arrivals[0]?.content).toEqual(Buffer.from(whole))
})

test("the floor of the disk is asked for what is still to come", async () => {
  let freeBytes = whole.length + 100
  await using receiver = await startReceiver({ limits: { minFreeBytes: 100 }, freeBytes: () => freeBytes })
  const path = await begin(receiver, whole)
  freeBytes--
  expectProblem(await put(receiver, path, 0, 10), 507, "disk-full")
  freeBytes++
  expect((await put(receiver, path, 0, 10)).status).toBe(204)
  freeBytes -= 10
  expect((await put(receiver, path, 10, whole.length, true)).status).toBe(201)
})

test("a sync that fails ends the program, and nobody is told of the bytes", async () => {
  let fails = false
  const failing = (file: FileSystem.File, path: string): FileSystem.File =>
    new Proxy(file, {
      get: (target, key) =>
        key === "sync"
          ? Effect.suspend(() => (fails ? Effect.fail(errno("EIO", path)) : target.sync))
          : Reflect.get(target, key, target)
    })
  await using receiver = await startReceiver({ file: failing })
  const ended = receiver.run(Effect.exit(Effect.flatMap(Fatal, ({ awaited }) => awaited)))
  const path = await begin(receiver, whole)
  await put(receiver, path, 0, 1000)
  fails = true
  const answer = await put(receiver, path, 1000, 2000)
  expectProblem(answer, 500, "internal")
  expect(offsetOf(answer)).toBe(1000)
  const exit = await ended
  expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
})

test("an upload expires so long after it last moved", async () => {
  const root = makeRoot()
  let passed = 0
  const options = { root, passed: () => passed }
  let paths: ReadonlyArray<string>
  {
    await using receiver = await startReceiver(options)
    const moving = await begin(receiver, whole)
    const resting = await begin(receiver, whole)
    paths = [moving, resting]
    passed = 6 * DAY
    await put(receiver, moving, 0, 10)
    expect((await send(receiver.port, look(moving))).headers["upload-limit"]).toMatch(/max-age=60(4800|47\d\d)$/)
    expect((await send(receiver.port, look(resting))).headers["upload-limit"]).toMatch(/max-age=8[56]\d{3}$/)
    passed = 7 * DAY
    expectProblem(await get(receiver, resting), 404, "no-upload")
    expect(kept(receiver)).toHaveLength(2)
    expect(await ask(receiver, moving)).toBe(10)
  }
  passed = 12 * DAY
  {
    await using receiver = await startReceiver(options)
    expect(await ask(receiver, paths[0] ?? "")).toBe(10)
  }
  passed = 13 * DAY + 1000
  await using receiver = await startReceiver(options)
  await until(() => kept(receiver).length === 0)
  expectProblem(await get(receiver, paths[0] ?? ""), 404, "no-upload")
})

test("a clock that is set ends no upload while the receiver runs", async () => {
  let ahead = 0
  const uploads = { expiryMillis: 7 * DAY, maxPerHost: 1, maxBytesPerHost: 1e9 }
  await using receiver = await startReceiver({ limits: { uploads }, ahead: () => ahead })
  const path = await begin(receiver, whole)
  for (const by of [30 * DAY, -400 * DAY]) {
    ahead = by
    const told = await send(receiver.port, look(path))
    expect([told.status, told.headers["upload-limit"]]).toEqual([204, expect.stringMatching(/max-age=604(800|7\d\d)$/)])
    expectProblem(await send(receiver.port, creation(whole)), 429, "too-many-open-uploads")
  }
  expect((await put(receiver, path, 0, whole.length, true)).status).toBe(201)
})

test("a clock that was set back keeps no upload for ever", async () => {
  const root = makeRoot()
  let ahead = 400 * DAY
  let passed = 0
  const options = { root, ahead: () => ahead, passed: () => passed }
  let path: string
  {
    await using receiver = await startReceiver(options)
    path = await begin(receiver, whole)
  }
  ahead = 0
  await using receiver = await startReceiver(options)
  expect(await ask(receiver, path)).toBe(0)
  passed = 7 * DAY + 1000
  expectProblem(await get(receiver, path), 404, "no-upload")
})

test("a host has so many uploads open and no more, and those that rest make room", async () => {
  let passed = 0
  const uploads = { expiryMillis: 7 * DAY, maxPerHost: 3, maxBytesPerHost: 1e9 }
  await using receiver = await startReceiver({ limits: { uploads }, passed: () => passed })
  const first = await begin(receiver, whole)
  passed += 1000
  const second = await begin(receiver, whole)
  const third = await begin(receiver, whole)
  const refused = await send(receiver.port, creation(whole))
  expectProblem(refused, 429, "too-many-open-uploads", { remediation: expect.any(String) })
  expect(refused.headers["retry-after"]).toMatch(/^\d+$/)
  const elsewhere = { ...creation(whole), path: PATH.replace("lab-1", "lab-2") }
  expect((await send(receiver.port, elsewhere)).status).toBe(201)
  await put(receiver, first, 0, 10)
  passed += 600_000
  await put(receiver, third, 0, 10)
  const fourth = await begin(receiver, whole)
  expectProblem(await get(receiver, second), 404, "no-upload")
  for (const path of [first, third, fourth]) expect((await send(receiver.port, look(path))).status).toBe(204)
  expect((await send(receiver.port, { method: "DELETE", path: third })).status).toBe(204)
  expect((await put(receiver, fourth, 0, whole.length, true)).status).toBe(201)
})

test("nobody comes to an upload that is to make room", async () => {
  let passed = 0
  const removals: Array<string> = []
  const held = Deferred.makeUnsafe<void>()
  const beforeRemove = (path: string) =>
    Effect.suspend(() => {
      if (passed === 0) return Effect.void
      removals.push(path)
      return Deferred.await(held)
    })
  const uploads = { expiryMillis: 7 * DAY, maxPerHost: 100, maxBytesPerHost: whole.length + 1 }
  await using receiver = await startReceiver({ limits: { uploads }, passed: () => passed, beforeRemove })
  const paths = [await begin(receiver, small), await begin(receiver, small)]
  passed = 600_000
  const third = send(receiver.port, creation(whole))
  await until(() => removals.length > 0)
  const answers = []
  for (const path of paths) answers.push(await send(receiver.port, part(path, small, 0, false)))
  Deferred.doneUnsafe(held, Effect.void)
  for (const answer of answers) expectProblem(answer, 404, "no-upload")
  expect((await third).status).toBe(201)
  expect(kept(receiver)).toHaveLength(2)
})

test("what a host announces together has a limit, and one of any size is let in", async () => {
  const uploads = { expiryMillis: 7 * DAY, maxPerHost: 100, maxBytesPerHost: 2 * small.length }
  await using receiver = await startReceiver({ limits: { uploads } })
  const path = await begin(receiver, whole)
  expectProblem(await send(receiver.port, creation(small)), 429, "too-many-open-uploads")
  await send(receiver.port, { method: "DELETE", path })
  await begin(receiver, small)
  await begin(receiver, small)
  expectProblem(await send(receiver.port, creation(small)), 429, "too-many-open-uploads")
})

test("two that come at once do not both get the last place", async () => {
  const uploads = { expiryMillis: 7 * DAY, maxPerHost: 2, maxBytesPerHost: 1e9 }
  await using receiver = await startReceiver({ limits: { uploads } })
  const answers = await Promise.all(Array.from({ length: 10 }, () => send(receiver.port, creation(whole))))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, ...Array.from({ length: 8 }, () => 429)])
  expect(kept(receiver)).toHaveLength(4)
})

test("a token that was taken back does not go on, and the same host with a new one does", async () => {
  let current = tokens
  await using receiver = await startReceiver({ following: Effect.sync(() => current) })
  const as = (token: string) => ({ authorization: `Bearer ${token}` })
  const path = await begin(receiver, whole, as(TOKENS.host))
  current = { ...tokens, hosts: { "lab-1": tokens.hosts["lab-2"] ?? [] } }
  const go = (token: string) => send(receiver.port, part(path, whole, 0, true, as(token)))
  expectProblem(await go(TOKENS.host), 401, "unauthenticated")
  expect((await go(TOKENS.otherHost)).status).toBe(201)
})

test("files of an upload are for nobody else on the machine", async () => {
  await using receiver = await startReceiver()
  const path = await begin(receiver, whole)
  const { statSync } = await import("node:fs")
  for (const file of [dataOf(receiver, path), stateOf(receiver, path)]) expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(join(receiver.incoming, "uploads")).mode & 0o777).toBe(0o700)
  expect(readdirSync(receiver.incoming)).toEqual(["uploads"])
})
