import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs/promises"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { layerVolume } from "../../layers/Volume.ts"
import { byWeight, HEAVIEST, LockHeld, Volume, type Weighed } from "../../src/services/Volume.ts"
import { makeDeep } from "../support/deepTree.ts"
import { scratchDirectory } from "../support/scratch.ts"

const HOLDER = new URL("../support/holdLock.ts", import.meta.url).pathname

const killed = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  })

/** Another process, which holds the lock when this is done. */
const holder = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [HOLDER, path], { stdio: ["pipe", "pipe", "pipe"] })
      let stderr = ""
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text
      })
      await once(child.stdout, "data")
      return { child, pid: child.pid ?? Number.NaN, stderr: () => stderr }
    }),
    ({ child }) => killed(child)
  )

describe("Volume, layerVolume", () => {
  it.effect("gives the names of a directory page by page, sorted either way", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      const names = Array.from({ length: 700 }, (_, i) => `E${i}`)
      yield* Effect.promise(async () => {
        for (const name of [...names, "no id~"]) await fs.writeFile(`${directory}/${name}`, "")
      })
      const accepts = (name: string) => !name.includes("~")
      const sorted = names.toSorted()
      const seen: Array<string> = []
      for (let after = ""; seen.length < names.length; after = seen.at(-1) ?? "") {
        const page = yield* volume.page(directory, { after, limit: 64, accepts })
        expect(page.total).toBe(names.length - seen.length)
        expect(page.names).toEqual(sorted.slice(seen.length, seen.length + 64))
        seen.push(...page.names)
      }
      const reversed = sorted.toReversed()
      const back: Array<string> = []
      for (let after = ""; back.length < names.length; after = back.at(-1) ?? "") {
        const page = yield* volume.page(directory, { after, limit: 64, accepts, descending: true })
        expect(page.total).toBe(names.length - back.length)
        expect(page.names).toEqual(reversed.slice(back.length, back.length + 64))
        back.push(...page.names)
      }
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.effect("counts which of many names hold a child", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      const names = Array.from({ length: 600 }, (_, i) => `E${i}`)
      yield* Effect.promise(async () => {
        for (const name of names) await fs.mkdir(`${directory}/${name}`)
        for (const name of names.slice(0, 300)) await fs.writeFile(`${directory}/${name}/done.marker`, "")
        await fs.writeFile(`${directory}/stray`, "")
      })
      const counts = (name: string) => name !== "E0" && name !== "E299"
      expect(yield* volume.countHolding(directory, "done.marker", counts)).toEqual({ count: 298, first: "E1" })
      expect(yield* volume.countHolding(directory, "none", counts)).toEqual({ count: 0, first: undefined })
      const missing = yield* Effect.flip(volume.countHolding(`${directory}/none`, "x", counts))
      expect(missing.reason._tag).toBe("NotFound")
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.effect("gives every name of a large directory once, a few at a time", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      const all = Array.from({ length: 600 }, (_, i) => `E${i}`).toSorted()
      yield* Effect.promise(async () => {
        for (const name of all) await fs.writeFile(`${directory}/${name}`, "")
      })
      const seen: Array<string> = []
      let most = 0
      yield* Stream.runForEachArray(volume.names(directory), (names) =>
        Effect.sync(() => {
          most = Math.max(most, names.length)
          seen.push(...names)
        })
      )
      expect(seen.toSorted()).toEqual(all)
      expect(most).toBeLessThan(300)
      expect(yield* Stream.runCollect(Stream.take(volume.names(directory), 1))).toHaveLength(1)
      expect((yield* Effect.promise(() => fs.readdir("/proc/self/fd"))).length).toBeLessThan(100)
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.effect("gives the lightest of many directories, those that cannot be measured last", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      const sizeOf = (i: number) => (i * 37) % 101
      yield* Effect.promise(async () => {
        for (let i = 0; i < 300; i++) {
          await fs.mkdir(`${directory}/E${i}/deep/er`, { recursive: true })
          await fs.writeFile(`${directory}/E${i}/deep/er/data`, Buffer.alloc(sizeOf(i)))
          await fs.writeFile(`${directory}/E${i}/data`, Buffer.alloc(1000))
          await fs.symlink("/etc/passwd", `${directory}/E${i}/link`)
          if (i % 3 > 0) await fs.writeFile(`${directory}/E${i}/done.marker`, "")
        }
        await fs.writeFile(`${directory}/stray`, "")
        await fs.mkdir(`${directory}/no id~`)
      })
      const finished = Array.from({ length: 300 }, (_, i) => ({ name: `E${i}`, bytes: 1000 + sizeOf(i), at: i }))
        .filter(({ at }) => at % 3 > 0)
        .map(({ bytes, name }) => ({ name, bytes }))
        .toSorted(byWeight)
      const options = { child: "done.marker", limit: 32, accepts: (name: string) => !name.includes("~") }
      const seen: Array<Weighed> = []
      while (seen.length < finished.length) {
        const found = yield* volume.lightest(directory, { ...options, after: seen.at(-1) })
        expect([found.total, found.behind]).toEqual([301, finished.length - seen.length])
        expect(found.first).toEqual(finished.slice(seen.length, seen.length + 32))
        seen.push(...found.first)
      }
      // Longer than any path the system takes.
      const deep = `${directory}/E1`
      makeDeep(deep)
      yield* Effect.addFinalizer(() => Effect.sync(() => execFileSync("rm", ["-rf", deep])))
      const last = yield* volume.lightest(directory, { ...options, limit: 300, after: undefined })
      expect(last.first.at(-1)).toEqual({ name: "E1", bytes: HEAVIEST })
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("names the process that holds a lock, and gets the lock when that one was killed", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const path = `${yield* scratchDirectory}/lock`
      const other = yield* holder(path)
      expect(yield* volume.lockHolder(path)).toBe(other.pid)
      expect(yield* Effect.flip(Effect.scoped(volume.lock(path)))).toEqual(new LockHeld({ path, pid: other.pid }))
      yield* killed(other.child)
      // node:ffi warns that it is experimental: not in our logs.
      expect(other.stderr()).toBe("")
      expect(yield* volume.lockHolder(path)).toBeUndefined()
      yield* volume.lock(path)
      expect(yield* volume.lockHolder(path)).toBe(process.pid)
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("lets go with the scope, keeps the file, for its owner only", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const path = `${yield* scratchDirectory}/lock`
      yield* Effect.scoped(volume.lock(path))
      expect(yield* volume.lockHolder(path)).toBeUndefined()
      expect(yield* volume.inspect(path)).toMatchObject({ type: "File", mode: 0o600 })
      expect(yield* Effect.promise(() => fs.readFile(path, "utf8"))).toBe(`${process.pid}\n`)
      yield* Effect.scoped(volume.lock(path))
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("asks without making or changing anything", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      expect(yield* volume.lockHolder(`${directory}/lock`)).toBeUndefined()
      expect(yield* Effect.promise(() => fs.readdir(directory))).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("turns no one away because somebody asks", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const path = `${yield* scratchDirectory}/lock`
      yield* Effect.scoped(volume.lock(path))
      const ask = volume.lockHolder(path).pipe(Effect.repeat({ times: 200 }))
      const start = Effect.scoped(volume.lock(path)).pipe(Effect.repeat({ times: 20 }))
      yield* Effect.all([ask, start], { concurrency: 2 })
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("says unknown for a holder that names nobody", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const path = `${yield* scratchDirectory}/lock`
      yield* volume.lock(path)
      yield* Effect.promise(() => fs.truncate(path))
      expect(yield* volume.lockHolder(path)).toBe("unknown")
      expect(yield* Effect.flip(Effect.scoped(volume.lock(path)))).toEqual(new LockHeld({ path }))
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("follows no link to a lock", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      yield* Effect.promise(() => fs.symlink(`${directory}/elsewhere`, `${directory}/lock`))
      const error = yield* Effect.flip(Effect.scoped(volume.lock(`${directory}/lock`)))
      expect(error).toMatchObject({ _tag: "PlatformError", reason: { _tag: "BadResource" } })
      expect(yield* Effect.promise(() => fs.readdir(directory))).toEqual(["lock"])
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("inspects names, not what they point at, to the nanosecond", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const directory = yield* scratchDirectory
      const path = `${directory}/file`
      yield* Effect.promise(async () => {
        await fs.writeFile(path, "12345", { mode: 0o640 })
        await fs.symlink("nowhere", `${directory}/link`)
      })
      const found = yield* volume.inspect(path)
      const { mtimeNs } = yield* Effect.promise(() => fs.stat(path, { bigint: true }))
      expect(found).toEqual({ type: "File", size: 5, mode: 0o640, mtimeNs })
      expect((yield* volume.inspect(`${directory}/link`)).type).toBe("SymbolicLink")
      expect((yield* volume.inspect(directory)).type).toBe("Directory")
      expect((yield* Effect.flip(volume.inspect(`${directory}/none`))).reason._tag).toBe("NotFound")
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )

  it.live("measures the space below a directory", () =>
    Effect.gen(function* () {
      const volume = yield* Volume
      const space = yield* volume.space(yield* scratchDirectory)
      expect(space.freeBytes).toBeGreaterThan(0)
      expect(space.totalBytes).toBeGreaterThanOrEqual(space.freeBytes)
      expect(space.totalInodes).toBeGreaterThanOrEqual(space.freeInodes)
    }).pipe(Effect.scoped, Effect.provide(layerVolume))
  )
})
