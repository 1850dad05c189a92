import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { HostId } from "../../src/domain/names.ts"
import { makeSlots } from "../../src/receiver/slots.ts"

const GIB = 1024 ** 3

/** `true`, or the words of the refusal. `leave` gives back the place that was taken first. */
const makeHosts = (max: number) => {
  const slots = makeSlots(max)
  const held = new Map<string, Array<Scope.Closeable>>()
  const take = Effect.fnUntraced(function* (host: string, bytes: number = 1) {
    const scope = yield* Scope.make()
    const exit = yield* Effect.exit(Scope.provide(slots.take({ hostId: HostId.make(host), bytes }), scope))
    if (Exit.isSuccess(exit)) {
      held.set(host, [...(held.get(host) ?? []), scope])
      return true
    }
    yield* Scope.close(scope, exit)
    return false
  })
  const leave = Effect.fnUntraced(function* (host: string) {
    const [first, ...rest] = held.get(host) ?? []
    held.set(host, rest)
    if (first !== undefined) yield* Scope.close(first, Exit.void)
  })
  const times = (count: number, host: string, bytes?: number) =>
    Effect.map(
      Effect.forEach(Array.from({ length: count }), () => take(host, bytes)),
      (got) => got.filter(Boolean).length
    )
  return { take, leave, times }
}

describe("slots", () => {
  it.effect("one host gets half, another the rest, a third none until one goes", () =>
    Effect.gen(function* () {
      const { leave, take, times } = makeHosts(8)
      expect(yield* times(8, "a")).toBe(4)
      expect(yield* times(8, "b")).toBe(4)
      expect(yield* take("c")).toBe(false)
      yield* leave("a")
      expect(yield* take("c")).toBe(true)
    })
  )

  it.effect("one place is one host's at a time", () =>
    Effect.gen(function* () {
      const { leave, take } = makeHosts(1)
      expect(yield* take("a")).toBe(true)
      expect(yield* take("b")).toBe(false)
      yield* leave("a")
      expect(yield* take("b")).toBe(true)
    })
  )

  it.effect("who holds places does not take the next one again and again before who was turned away", () =>
    Effect.gen(function* () {
      const { leave, take, times } = makeHosts(8)
      yield* times(4, "a")
      yield* times(4, "b")
      expect(yield* take("c")).toBe(false)
      yield* leave("a")
      expect(yield* take("a")).toBe(false)
      expect(yield* take("c")).toBe(true)
      // Once it is served, nothing is kept for it.
      yield* leave("b")
      expect(yield* take("b")).toBe(true)
    })
  )

  it.effect("who was turned away and does not come back is not waited for", () =>
    Effect.gen(function* () {
      const { leave, take, times } = makeHosts(8)
      yield* times(4, "a")
      yield* times(4, "b")
      yield* take("c")
      yield* leave("a")
      expect(yield* take("a")).toBe(false)
      yield* TestClock.adjust("61 seconds")
      expect(yield* take("a")).toBe(true)
    })
  )

  it.effect("however many were turned away, most places are taken by whoever comes", () =>
    Effect.gen(function* () {
      const { leave, take, times } = makeHosts(8)
      yield* times(4, "a")
      yield* times(4, "b")
      for (const host of ["c", "d", "e", "f", "g"]) expect(yield* take(host)).toBe(false)
      yield* leave("a")
      yield* leave("a")
      expect(yield* take("a")).toBe(false)
      yield* leave("b")
      expect(yield* take("a")).toBe(true)
    })
  )

  it.effect("large bodies leave a quarter of the places to small ones", () =>
    Effect.gen(function* () {
      const { take, times } = makeHosts(8)
      expect(yield* times(4, "a", GIB)).toBe(4)
      expect(yield* times(4, "b", GIB)).toBe(2)
      expect(yield* take("c", GIB)).toBe(false)
      expect(yield* take("c", 1000)).toBe(true)
      expect(yield* take("d", 1000)).toBe(true)
      expect(yield* take("d", 1000)).toBe(false)
    })
  )

  it.effect("where there are few places, large bodies get them all", () =>
    Effect.gen(function* () {
      const { times } = makeHosts(2)
      expect([yield* times(2, "a", GIB), yield* times(2, "b", GIB)]).toEqual([1, 1])
    })
  )
})
