import { describe, expect, it } from "@effect/vitest"
import { table } from "../../src/cli/table.ts"
import { counted, duration, rate, relative, size } from "../../src/domain/humanize.ts"

describe("humanize", () => {
  it("says sizes in binary units", () => {
    expect([0, 1023, 1024, 1536, 1024 ** 2 - 1, 5 * 1024 ** 3, 2 * 1024 ** 5].map(size)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KiB",
      "1.5 KiB",
      "1.0 MiB",
      "5.0 GiB",
      "2048.0 TiB"
    ])
  })

  it("says rates in bytes and in bits, in decimal units", () => {
    expect([0, 100, 2048, 124_940, 1_250_000, 999_999, 12e12].map(rate)).toEqual([
      "0 B/s (0 bit/s)",
      "100 B/s (800 bit/s)",
      "2.05 kB/s (16.4 kbit/s)",
      "125 kB/s (1 Mbit/s)",
      "1.25 MB/s (10 Mbit/s)",
      "1 MB/s (8 Mbit/s)",
      "12000 GB/s (96000 Gbit/s)"
    ])
  })

  it("says durations in their two largest units, rounded down", () => {
    expect([-5, 999, 61_000, 3_600_000, 3_661_000, 86_400_000 * 2 + 3_599_000, 90_000_000].map(duration)).toEqual([
      "0 s",
      "0 s",
      "1 min 1 s",
      "1 h",
      "1 h 1 min",
      "2 d",
      "1 d 1 h"
    ])
    expect(relative(0, 60_000)).toBe("1 min ago")
    expect(relative(60_000, 0)).toBe("in 1 min")
    expect([counted(1, "entry", "entries"), counted(2, "entry", "entries")]).toEqual(["1 entry", "2 entries"])
  })
})

describe("table", () => {
  it("aligns, numbers to the right", () => {
    expect(
      table(
        [
          ["ready", "7", "1 KiB"],
          ["x", "12", "0 B"]
        ],
        { right: [1] }
      )
    ).toBe("ready   7  1 KiB\nx      12  0 B")
  })

  it("wraps the last column within 80 columns and cuts no word", () => {
    const text = "word ".repeat(40).trim()
    const lines = table([["name", text]]).split("\n")
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(lines.map((line) => line.slice(6)).join(" ")).toBe(text)
    expect(table([["n", "x".repeat(100)]])).toBe(`n  ${"x".repeat(100)}`)
  })

  it("lets no cell move the cursor or begin a line", () => {
    expect(table([["a\u001b[2Jb", "c\nd\r\u202ee"]])).toBe("a [2Jb  c d e")
  })

  it("has no lines for no rows", () => {
    expect(table([])).toBe("")
  })
})
