import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { makeBlocks } from "../../src/shipper/blocks.ts"

const MIB = 1024 * 1024
const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (from + i * 7) % 251)
const joined = (pieces: ReadonlyArray<Uint8Array>) => Buffer.concat(pieces)

/** Keeps a copy of everything it is given. */
const makeTaker = (before: (nth: number) => Effect.Effect<void, string> = () => Effect.void) => {
  const taken: Array<Uint8Array> = []
  const give = (block: Uint8Array) =>
    Effect.map(before(taken.length), () => {
      taken.push(block.slice())
    })
  return { taken, give }
}

describe("blocks", () => {
  it.effect.each([0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1])("of %d bytes are given whole and in order", (total) =>
    Effect.gen(function* () {
      const { give, taken } = makeTaker()
      const blocks = yield* makeBlocks(total, give)
      const all = bytes(total)
      for (let at = 0; at < total; at += 300_000) yield* blocks.put(all.subarray(at, at + 300_000))
      yield* blocks.end
      expect(joined(taken).equals(all)).toBe(true)
      expect(taken.slice(0, -1).every(({ length }) => length === MIB)).toBe(true)
    })
  )

  it.effect("are gone at the end", () =>
    Effect.gen(function* () {
      const given = new Set<ArrayBufferLike>()
      const blocks = yield* makeBlocks(4 * MIB, (block) => Effect.sync(() => void given.add(block.buffer)))
      yield* blocks.put(bytes(2 * MIB + 1))
      yield* blocks.end
      expect(Array.from(given, ({ byteLength }) => byteLength)).toEqual([0, 0])
    })
  )

  it.effect("may hold more than was expected", () =>
    Effect.gen(function* () {
      const { give, taken } = makeTaker()
      const blocks = yield* makeBlocks(10, give)
      yield* blocks.put(bytes(25))
      yield* blocks.end
      expect(joined(taken).equals(bytes(25))).toBe(true)
    })
  )

  it.effect("are filled while the one before is given, and wait for it then", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const { give, taken } = makeTaker(() => gate.await)
      const blocks = yield* makeBlocks(4 * MIB, give)
      yield* blocks.put(bytes(2 * MIB - 1))
      const last = yield* Effect.forkChild(blocks.put(bytes(1)), { startImmediately: true })
      expect([last.pollUnsafe(), taken.length]).toEqual([undefined, 0])
      gate.openUnsafe()
      yield* Fiber.join(last)
      yield* blocks.end
      expect(joined(taken).equals(joined([bytes(2 * MIB - 1), bytes(1)]))).toBe(true)
    })
  )

  it.effect("that could not be given fail the next one, and the end; nothing is given any more", () =>
    Effect.gen(function* () {
      const { give, taken } = makeTaker((nth) => (nth === 1 ? Effect.fail("full") : Effect.void))
      const blocks = yield* makeBlocks(4 * MIB, give)
      yield* blocks.put(bytes(2 * MIB))
      expect(yield* Effect.flip(blocks.put(bytes(MIB)))).toBe("full")
      expect(yield* Effect.flip(blocks.end)).toBe("full")
      expect(taken.length).toBe(1)
    })
  )

  it.effect("are given to the end before what they were made in is over, and then none is", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const { give, taken } = makeTaker(() => Effect.uninterruptible(gate.await))
      const scope = yield* Scope.make()
      const blocks = yield* Scope.provide(makeBlocks(4 * MIB, give), scope)
      yield* blocks.put(bytes(MIB + 5))
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust(1)
      expect(closing.pollUnsafe()).toBe(undefined)
      gate.openUnsafe()
      yield* Fiber.join(closing)
      const before = taken.length
      expect(Exit.isFailure(yield* Effect.exit(blocks.put(bytes(3 * MIB))))).toBe(true)
      expect(taken.length).toBe(before)
    })
  )
})
