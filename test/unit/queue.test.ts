import { describe, expect, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { systemError } from "effect/PlatformError"
import * as TestClock from "effect/testing/TestClock"
import { Volume } from "../../src/services/Volume.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"
import { Progress } from "../../src/shipper/Progress.ts"
import { openQueue, type Queue } from "../../src/shipper/queue.ts"

/** A finished episode of so many bytes; one without bytes is not finished, one of NaN cannot be measured. */
type Disk = Map<string, number | undefined>

const failure = (reason: "NotFound" | "PermissionDenied") =>
  Effect.fail(systemError({ _tag: reason, module: "FileSystem", method: "lstat" }))
const info = (type: FileSystem.File.Type, size: number): FileSystem.File.Info => ({
  type,
  size: ByteSize.bytes(size),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 1n,
  ino: Option.none(),
  mode: 0o644,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
})

const onDisk = (disk: Disk, asked: Array<string> = []) => {
  const files = FileSystem.layerNoop({
    readDirectory: () => Effect.succeed(["done.marker", "data"]),
    lstat: (path) => {
      asked.push(path)
      const [id = "", name] = path.replace("/data/episodes/", "").split("/")
      const bytes = disk.get(id)
      if (bytes === undefined) return failure("NotFound")
      if (name === undefined) return Effect.succeed(info("Directory", 4096))
      if (name === "done.marker") return Effect.succeed(info("File", 0))
      return Number.isNaN(bytes) ? failure("PermissionDenied") : Effect.succeed(info("File", bytes))
    }
  })
  const unasked = Effect.die(new Error("nobody asks for it here"))
  const volume = Layer.succeed(Volume, {
    page: (_, { accepts, after, descending = false, limit }) =>
      Effect.sync(() => {
        const behind = [...disk.keys()]
          .filter((name) => after === "" || (descending ? name < after : name > after))
          .filter(accepts)
          .toSorted()
        return { names: (descending ? behind.toReversed() : behind).slice(0, limit), total: behind.length }
      }),
    inspect: () => unasked,
    countHolding: () => unasked,
    space: () => unasked,
    lock: () => unasked,
    lockHolder: () => unasked
  })
  return Layer.mergeAll(files, volume, Layer.succeed(Layout, pathsBelow("/data")), Progress.layer)
}

const rest = Effect.fnUntraced(function* ({ next }: Queue) {
  const names: Array<string> = []
  for (let name = yield* next; name !== undefined; name = yield* next) names.push(name)
  return names
})

const NONE: ReadonlySet<string> = new Set()
const named = (i: number): string => `E${String(i).padStart(5, "0")}`

describe("the queue", () => {
  it.effect("asks for no size where none is needed, and leaves out names that are no ids", () => {
    const asked: Array<string> = []
    const disk: Disk = new Map([
      ["E2", 1],
      ["E1", 2],
      ["no id~", 1]
    ])
    return Effect.gen(function* () {
      for (const order of ["oldest-first", "newest-first"] as const)
        yield* rest(yield* openQueue(order, NONE, "to the end"))
      const queue = yield* openQueue("oldest-first", new Set(["E1"]), "to the end")
      expect(queue.total).toBe(2)
      expect(yield* rest(queue)).toEqual(["E2", "E1"])
      expect(asked).toEqual([])
    }).pipe(Effect.provide(onDisk(disk, asked)))
  })

  it.effect("gives the newest first, batch by batch", () => {
    const disk: Disk = new Map(Array.from({ length: 2500 }, (_, i) => [named(i), 1]))
    return Effect.gen(function* () {
      const names = yield* rest(yield* openQueue("newest-first", NONE, "to the end"))
      expect(names).toEqual([...disk.keys()].toSorted().toReversed())
    }).pipe(Effect.provide(onDisk(disk)))
  })

  it.effect(
    "gives the smallest first, batch by batch; what cannot be measured last, what is not finished not at all",
    () => {
      const disk: Disk = new Map(Array.from({ length: 9000 }, (_, i) => [named(i), (i * 7919) % 4999]))
      disk.set("A", Number.NaN)
      disk.set("B", undefined)
      return Effect.gen(function* () {
        const queue = yield* openQueue("smallest-first", NONE, "to the end")
        expect(queue.total).toBe(9002)
        const names = yield* rest(queue)
        const sizes = names.map((name) => disk.get(name) ?? Number.NaN)
        expect(names.at(-1)).toBe("A")
        expect(names).toHaveLength(9001)
        expect(new Set(names).size).toBe(names.length)
        expect(sizes.slice(0, -1)).toEqual(sizes.slice(0, -1).toSorted((a, b) => a - b))
      }).pipe(Effect.provide(onDisk(disk)))
    }
  )

  it.effect("ends its turn where something newer would have to go first, and says so", () => {
    const disk: Disk = new Map(Array.from({ length: 10 }, (_, i) => [named(i), 1]))
    return Effect.gen(function* () {
      const newest = yield* openQueue("newest-first", NONE, "in turns")
      const oldest = yield* openQueue("oldest-first", NONE, "in turns")
      const whole = yield* openQueue("newest-first", NONE, "to the end")
      expect(yield* newest.next).toBe(named(9))
      yield* TestClock.adjust("59 seconds")
      expect(yield* newest.next).toBe(named(8))
      yield* TestClock.adjust("2 seconds")
      expect([yield* newest.next, newest.wasCut()]).toEqual([undefined, true])
      expect((yield* rest(oldest)).length).toBe(10)
      expect((yield* rest(whole)).length).toBe(10)
      expect([oldest.wasCut(), whole.wasCut()]).toEqual([false, false])
    }).pipe(Effect.provide(onDisk(disk)))
  })
})
