/** The whole fleet, simulated: many seeds, and every single call of an episode's journey made to go wrong. Each in processes of their own, on all cores. */
import { expect, it } from "vitest"
import { simulate } from "../support/simulate.ts"

it("keeps every promise in 2,000 seeds, covers every kind of trouble, and does the same again", {
  timeout: 1_200_000
}, async () => {
  const { said, status } = await simulate("--seeds", "2000")
  expect(said).toMatch(/\n\d+ seeds, \d+ calls, 0 failed/)
  expect(said).not.toContain("never happened")
  expect(status, said).toBe(0)
})

it("keeps every promise whichever call of a journey goes wrong", { timeout: 1_200_000 }, async () => {
  const { said, status } = await simulate("--points")
  expect(Number(/(\d+) crash points/.exec(said)?.[1])).toBeGreaterThan(1000)
  expect(status, said).toBe(0)
})
