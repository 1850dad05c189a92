import { describe, expect, it } from "vitest"
import { advance } from "../../src/shipper/calendar.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR
const calendar = { passed_at: 100 * DAY, cleaned_at: 0, wait_left: 0 }

describe("advance", () => {
  it("trusts a clock that nothing was recorded of", () => {
    expect(advance(undefined, 5).wait_left).toBe(0)
  })

  it("trusts a clock that moved up to a day", () => {
    expect(advance(calendar, 101 * DAY).wait_left).toBe(0)
  })

  it("waits for 24 h of running after a leap of more than a day", () => {
    const leapt = advance(calendar, 101 * DAY + 1)
    expect(leapt.wait_left).toBe(DAY)
    const later = advance(leapt, leapt.passed_at + 23 * HOUR)
    expect(later.wait_left).toBe(HOUR)
    expect(advance(later, later.passed_at + HOUR).wait_left).toBe(0)
  })

  it("does not count a clock that goes back as running", () => {
    const leapt = advance(calendar, 200 * DAY)
    expect(advance(leapt, 100 * DAY)).toMatchObject({ wait_left: DAY, passed_at: 100 * DAY })
  })
})
