/** Who waits for which fsync(2) on the local disk. */
import * as NodeFs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { makeSyncs } from "../../layers/localDisk/syncs.ts"

let root = ""
const opened: Array<number> = []
const open = (name: string): number => {
  const descriptor = NodeFs.openSync(join(root, name), "r")
  opened.push(descriptor)
  return descriptor
}

/** The kernel, which syncs when it is told to. */
const makeKernel = () => {
  const asked: Array<{ descriptor: number; done: (error: NodeJS.ErrnoException | null) => void }> = []
  return { asked, syncs: makeSyncs((descriptor, done) => void asked.push({ descriptor, done })) }
}

beforeEach(() => {
  root = NodeFs.mkdtempSync(join(tmpdir(), "cis490-syncs-"))
  for (const name of ["one", "other"]) NodeFs.mkdirSync(join(root, name))
  NodeFs.writeFileSync(join(root, "file"), "bytes")
})
afterEach(() => {
  for (const descriptor of opened.splice(0)) NodeFs.closeSync(descriptor)
  NodeFs.rmSync(root, { recursive: true })
})

const start = (effect: Effect.Effect<void, unknown>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

describe("syncs of a directory", () => {
  it.effect("who asks while one goes on waits for the next, with all the others", () =>
    Effect.gen(function* () {
      const { asked, syncs } = makeKernel()
      const first = yield* start(syncs.sync(open("one")))
      const second = yield* start(syncs.sync(open("one")))
      const third = yield* start(syncs.sync(open("one")))
      expect(asked.length).toBe(1)
      asked[0]?.done(null)
      yield* Fiber.join(first)
      expect([second.pollUnsafe(), third.pollUnsafe()]).toEqual([undefined, undefined])
      expect(asked.length).toBe(2)
      asked[1]?.done(null)
      const exits = [yield* Fiber.join(second), yield* Fiber.join(third)]
      expect(exits.every(Exit.isSuccess)).toBe(true)
      expect(asked.length).toBe(2)
    })
  )

  it.effect("the one behind it begins anew when nobody waits", () =>
    Effect.gen(function* () {
      const { asked, syncs } = makeKernel()
      for (let turn = 0; turn < 2; turn++) {
        const sync = yield* start(syncs.sync(open("one")))
        asked[turn]?.done(null)
        expect(Exit.isSuccess(yield* Fiber.join(sync))).toBe(true)
      }
      expect(asked.length).toBe(2)
    })
  )

  it.effect("another directory waits for nobody, nor does the one that has the name now", () =>
    Effect.gen(function* () {
      const { asked, syncs } = makeKernel()
      yield* start(syncs.sync(open("one")))
      yield* start(syncs.sync(open("other")))
      NodeFs.renameSync(join(root, "one"), join(root, "moved"))
      NodeFs.mkdirSync(join(root, "one"))
      yield* start(syncs.sync(open("one")))
      expect(asked.length).toBe(3)
      for (const { done } of asked) done(null)
    })
  )

  it.effect("one that fails fails for all who shared it, and for nobody behind them", () =>
    Effect.gen(function* () {
      const { asked, syncs } = makeKernel()
      const first = yield* start(syncs.sync(open("one")))
      const shared = [yield* start(syncs.sync(open("one"))), yield* start(syncs.sync(open("one")))]
      asked[0]?.done(null)
      yield* Fiber.join(first)
      const behind = yield* start(syncs.sync(open("one")))
      asked[1]?.done(Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO", syscall: "fsync" }))
      for (const each of shared) expect(Exit.isFailure(yield* Fiber.join(each))).toBe(true)
      asked[2]?.done(null)
      expect(Exit.isSuccess(yield* Fiber.join(behind))).toBe(true)
    })
  )
})

describe("syncs of a file", () => {
  it.effect("are each its own", () =>
    Effect.gen(function* () {
      const { asked, syncs } = makeKernel()
      yield* start(syncs.sync(open("file")))
      yield* start(syncs.sync(open("file")))
      expect(asked.length).toBe(2)
      for (const { done } of asked) done(null)
    })
  )
})
