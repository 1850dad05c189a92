import { expect, it } from "vitest"
import { namesOf } from "../../src/agent/remainder.ts"

it("what is left is named in the same order, however the engine lists it", () => {
  const named = (...names: ReadonlyArray<string>) => names.map((name) => ({ name }))
  const words = "network a, network b, container c, container d"
  expect(namesOf({ networks: named("a", "b"), containers: named("c", "d") })).toBe(words)
  expect(namesOf({ networks: named("b", "a"), containers: named("d", "c") })).toBe(words)
})
