import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { EpisodeId } from "../../src/domain/names.ts"
import { byWeight, Volume } from "../../src/services/Volume.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"
import { openQueue, type Queue } from "../../src/shipper/queue.ts"

/** Finished episodes, and the bytes of each. */
type Disk = ReadonlyMap<string, number>

const onDisk = (disk: Disk, asked: Array<string> = []) => {
  const unasked = Effect.die(new Error("nobody asks for it here"))
  const volume = Layer.succeed(Volume, {
    page: (_, { accepts, after, descending = false, limit }) =>
      Effect.sync(() => {
        asked.push("names")
        const behind = [...disk.keys()]
          .filter((name) => after === "" || (descending ? name < after : name > after))
          .filter(accepts)
          .toSorted()
        return { names: (descending ? behind.toReversed() : behind).slice(0, limit), total: behind.length }
      }),
    lightest: (_, { accepts, after, limit }) =>
      Effect.sync(() => {
        asked.push("sizes")
        const all = [...disk].map(([name, bytes]) => ({ name, bytes })).filter(({ name }) => accepts(name))
        const behind = all.filter((one) => after === undefined || byWeight(one, after) > 0).toSorted(byWeight)
        return { first: behind.slice(0, limit), behind: behind.length, total: all.length }
      }),
    inspect: () => unasked,
    find: () => unasked,
    findAll: () => unasked,
    names: () => Stream.fromEffect(unasked),
    countHolding: () => unasked,
    space: () => unasked,
    lock: () => unasked,
    lockHolder: () => unasked
  })
  return Layer.merge(volume, Layer.succeed(Layout, pathsBelow("/data")))
}

const rest = Effect.fnUntraced(function* ({ next }: Queue) {
  const names: Array<string> = []
  for (let name = yield* next; name !== undefined; name = yield* next) names.push(name)
  return names
})

const NONE: ReadonlySet<string> = new Set()
const named = (i: number): string => `E${String(i).padStart(5, "0")}`
const backlog = (count: number): Disk =>
  new Map(Array.from({ length: count }, (_, i) => [named((i * 31) % count), (i * 7919) % 997]))

describe("the queue", () => {
  it.effect("asks for no size where none is needed, and leaves out names that are no ids", () => {
    const asked: Array<string> = []
    const disk: Disk = new Map([
      ["E2", 1],
      ["E1", 2],
      ["no id~", 1]
    ])
    return Effect.gen(function* () {
      yield* rest(yield* openQueue("newest-first", NONE, { how: "to the end" }))
      const queue = yield* openQueue("oldest-first", new Set(["E1"]), { how: "to the end" })
      expect(queue.total).toBe(2)
      expect(yield* rest(queue)).toEqual(["E2", "E1"])
      expect(new Set(asked)).toEqual(new Set(["names"]))
    }).pipe(Effect.provide(onDisk(disk, asked)))
  })

  it.effect("gives each episode once, batch by batch, in its order", () => {
    const disk = backlog(2500)
    const bySize = [...disk].map(([name, bytes]) => ({ name, bytes })).toSorted(byWeight)
    const byName = [...disk.keys()].toSorted()
    return Effect.gen(function* () {
      expect(yield* rest(yield* openQueue("oldest-first", NONE, { how: "to the end" }))).toEqual(byName)
      expect(yield* rest(yield* openQueue("newest-first", NONE, { how: "to the end" }))).toEqual(byName.toReversed())
      const queue = yield* openQueue("smallest-first", NONE, { how: "to the end" })
      expect(queue.total).toBe(2500)
      expect(yield* rest(queue)).toEqual(bySize.map(({ name }) => name))
    }).pipe(Effect.provide(onDisk(disk)))
  })

  it.effect("is stale after a minute where nothing is left, or something may have come that goes first", () =>
    Effect.gen(function* () {
      const newest = yield* openQueue("newest-first", NONE, { how: "in turns" })
      const oldest = yield* openQueue("oldest-first", new Set([named(3)]), { how: "in turns" })
      const whole = yield* openQueue("newest-first", NONE, { how: "to the end" })
      const stale = () => Effect.all([newest.isStale, oldest.isStale, whole.isStale])
      yield* TestClock.adjust("59 seconds")
      yield* rest(whole)
      for (let left = 9; left > 0; left--) yield* oldest.next
      expect(yield* stale()).toEqual([false, false, false])
      yield* TestClock.adjust("2 seconds")
      expect(yield* stale()).toEqual([true, false, false])
      expect(yield* oldest.next).toBe(named(3))
      expect(yield* stale()).toEqual([true, true, false])
    }).pipe(Effect.provide(onDisk(backlog(10))))
  )

  it.effect("gives what was begun behind the first where newcomers push it back, and once", () =>
    Effect.gen(function* () {
      const begun = new Set([named(4), named(7), named(9)].map((name) => EpisodeId.make(name)))
      const newest = yield* openQueue("newest-first", new Set([named(4)]), { how: "in turns", begun })
      const order = [9, 4, 7, 8, 6, 5, 3, 2, 1, 0]
      expect(yield* rest(newest)).toEqual(order.map(named))
      const oldest = yield* openQueue("oldest-first", NONE, { how: "in turns", begun })
      expect(yield* rest(oldest)).toEqual(order.toSorted().map(named))
    }).pipe(Effect.provide(onDisk(backlog(10))))
  )

  it.effect("ends its turn where something that came meanwhile would have to go first, and says so", () =>
    Effect.gen(function* () {
      const newest = yield* openQueue("newest-first", NONE, { how: "in turns" })
      const oldest = yield* openQueue("oldest-first", NONE, { how: "in turns" })
      const whole = yield* openQueue("newest-first", NONE, { how: "to the end" })
      expect(yield* newest.next).toBe(named(9))
      yield* TestClock.adjust("59 seconds")
      expect(yield* newest.next).toBe(named(8))
      yield* TestClock.adjust("2 seconds")
      expect([yield* newest.next, newest.wasCut()]).toEqual([undefined, true])
      expect((yield* rest(oldest)).length).toBe(10)
      expect((yield* rest(whole)).length).toBe(10)
      expect([oldest.wasCut(), whole.wasCut()]).toEqual([false, false])
    }).pipe(Effect.provide(onDisk(backlog(10))))
  )
})
