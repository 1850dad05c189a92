/** What keeps the master's orders. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { afterEach, beforeEach, expect, test } from "vitest"
import { layerSqlite } from "../../layers/Orders.ts"
import { HostId } from "../../src/domain/names.ts"
import { type Order, Orders } from "../../src/services/Orders.ts"

let directory = ""
let path = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cis490-orders-"))
  path = join(directory, "fleet.db")
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const order = (host: string, generation: number, hydratedJson: string | null = "{}"): Order => ({
  hostId: HostId.make(host),
  generation,
  hydratedJson,
  setAt: 1_800_000_000_123
})

const ask = <A, E>(question: (orders: Orders["Service"]) => Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.result(Effect.provide(Effect.flatMap(Orders, question), layerSqlite)))
const all = async () => Result.getOrThrow(await ask((orders) => orders.all(path)))
const put = (each: Order) => ask((orders) => orders.put(path, each))
const why = <A, E extends { readonly message: string }>(result: Result.Result<A, E>): string =>
  Result.isFailure(result) ? result.failure.message : ""

test("there are none before the first, and asking makes no file", async () => {
  expect(await all()).toEqual([])
  expect(existsSync(path)).toBe(false)
})

test("what was put is there, by name, the later over the earlier", async () => {
  await put(order("lab-2", 1))
  await put(order("lab-1", 4, '{"é":1}'))
  await put(order("lab-2", 2, null))
  expect(await all()).toEqual([order("lab-1", 4, '{"é":1}'), order("lab-2", 2, null)])
  expect(readdirSync(directory)).toEqual(["fleet.db"])
})

test("an older order never replaces a newer one", async () => {
  await put(order("lab-1", 2))
  for (const generation of [1, 2]) {
    expect(why(await put(order("lab-1", generation, null)))).toMatch(/a newer order for lab-1/)
  }
  expect(await all()).toEqual([order("lab-1", 2)])
})

test("asking changes nothing on disk", async () => {
  await put(order("lab-1", 1))
  const before = readFileSync(path)
  await all()
  await all()
  expect(readFileSync(path).equals(before)).toBe(true)
  expect(readdirSync(directory)).toEqual(["fleet.db"])
})

test("a file that is empty has no orders yet", async () => {
  writeFileSync(path, "")
  expect(await all()).toEqual([])
  await put(order("lab-1", 1))
  expect(await all()).toHaveLength(1)
})

test.each([
  ["is no database", () => writeFileSync(path, "x".repeat(5000))],
  ["was cut short", () => truncateSync(path, 4097)]
])("one that %s is said to be so, by name, and left as it is", async (_, damage) => {
  for (let i = 1; i < 10; i++) await put(order(`lab-${i}`, 1, `"${"x".repeat(2000)}"`))
  damage()
  const before = readFileSync(path)
  expect(why(await ask((orders) => orders.all(path)))).toContain(path)
  expect(why(await put(order("lab-1", 9)))).toContain(path)
  expect(readFileSync(path).equals(before)).toBe(true)
})

test("a directory that is missing is said", async () => {
  path = join(directory, "none/fleet.db")
  expect(why(await put(order("lab-1", 1)))).toContain(path)
})
