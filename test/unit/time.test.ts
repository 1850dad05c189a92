import { expect, it } from "@effect/vitest"
import * as Option from "effect/Option"
import { parseTime } from "../../src/domain/time.ts"

const parsed = (text: string) => Option.getOrUndefined(parseTime(text))

it("reads RFC 3339 times and days", () => {
  expect(parsed("2025-11-21")).toBe(Date.UTC(2025, 10, 21))
  expect(parsed("2025-11-21T02:30:00Z")).toBe(Date.UTC(2025, 10, 21, 2, 30))
  expect(parsed("2025-11-21t02:30:00.25z")).toBe(Date.UTC(2025, 10, 21, 2, 30, 0, 250))
  expect(parsed("2025-11-21 02:30:00+02:00")).toBe(Date.UTC(2025, 10, 21, 0, 30))
  expect(parsed("2024-02-29")).toBe(Date.UTC(2024, 1, 29))
})

it("guesses at nothing else", () => {
  for (const text of [
    "",
    "yesterday",
    "2025",
    "2025-13-01",
    "2025-02-30",
    "2025-02-29",
    "2025-02-30T00:00:00Z",
    "2025-11-21T02:30:00",
    "2025-11-21T25:00:00Z",
    "2025-11-21T02:30Z",
    "1763692200",
    " 2025-11-21"
  ]) {
    expect(parsed(text), text).toBeUndefined()
  }
})
