/** The simulation is worth what it notices: mistakes that somebody might make one day, each of which it must find. */
import { expect, it } from "vitest"
import { mistakes } from "../sim/mistakes/mistakes.ts"
import { simulate } from "../support/simulate.ts"

it(`notices each of ${mistakes.length} planted mistakes`, { timeout: 1_800_000 }, async () => {
  const { said, status } = await simulate("--mistakes")
  expect(said).not.toContain("NOT NOTICED")
  expect(said.split("\n").filter((line) => line.includes("noticed after"))).toHaveLength(mistakes.length)
  expect(status, said).toBe(0)
})
