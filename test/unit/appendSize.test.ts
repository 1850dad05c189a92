import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  appendWithin,
  FIRST_APPEND_BYTES,
  LARGEST_APPEND_BYTES,
  nextAppendSize,
  SMALLEST_APPEND_BYTES
} from "../../src/domain/upload/appendSize.ts"

describe("nextAppendSize", () => {
  it.each([
    [1_999, 2],
    [2_000, 1],
    [8_000, 1],
    [8_001, 0.5]
  ])("after %i ms it is %d times as much", (millis, factor) => {
    expect(nextAppendSize(1_000_000, millis)).toBe(1_000_000 * factor)
  })

  it("stays between its least and its most", () => {
    expect(nextAppendSize(LARGEST_APPEND_BYTES, 0)).toBe(LARGEST_APPEND_BYTES)
    expect(nextAppendSize(SMALLEST_APPEND_BYTES, 1e9)).toBe(SMALLEST_APPEND_BYTES)
  })

  /** Bytes per second that a link carries, and the size on which it settles. */
  const settled = (rate: number): number => {
    let bytes = FIRST_APPEND_BYTES
    for (let i = 0; i < 40; i++) bytes = nextAppendSize(bytes, (bytes / rate) * 1000)
    return bytes
  }

  it.each([
    ["64 kbit/s", 8_000],
    ["1 Mbit/s", 125_000],
    ["10 Mbit/s", 1_250_000],
    ["100 Mbit/s", 12_500_000]
  ])("an acknowledgement comes every 2 to 10 s at %s", (_, rate) => {
    expect(settled(rate) / rate).toBeGreaterThanOrEqual(2)
    expect(settled(rate) / rate).toBeLessThanOrEqual(10)
  })

  it("settles on any link, and never swings", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e10 }), (rate) => {
        const bytes = settled(rate)
        expect(nextAppendSize(bytes, (bytes / rate) * 1000)).toBe(bytes)
      })
    )
  })
})

describe("appendWithin", () => {
  it.each([
    ["no limits", 1000, 5000, {}, 1000],
    ["what is left", 1000, 10, {}, 10],
    ["nothing is left", 1000, 0, {}, 0],
    ["the receiver's most", 1000, 5000, { maxAppendSize: 300 }, 300],
    ["the receiver's least", 1000, 5000, { minAppendSize: 2000 }, 2000],
    ["the receiver's least does not bind the last", 1000, 500, { minAppendSize: 2000 }, 500],
    [
      "limits that contradict each other: the most wins",
      1000,
      5000,
      { minAppendSize: 2000, maxAppendSize: 1500 },
      1500
    ],
    ["a most of nothing still gets on", 1000, 5000, { maxAppendSize: 0 }, 1]
  ])("%s", (_, bytes, left, limit, expected) => {
    expect(appendWithin(bytes, left, limit)).toBe(expected)
  })
})
