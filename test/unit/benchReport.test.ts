import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { NODE_PAIRS, OURS, PYTHON, RSYNC } from "../../bench/contenders/names.ts"
import { RESULTS, withFigures } from "../../bench/keep.ts"
import { thousandsOf } from "../../bench/pace.ts"
import { chart } from "../../bench/report/chart.ts"
import { median, percentile } from "../../bench/report/figures.ts"
import { report } from "../../bench/report/table.ts"
import { atLeast, atMost, verdict } from "../../bench/report/verdict.ts"
import { type Entrant, merge, type Race, type Results } from "../../bench/results.ts"

const MIB = 1024 * 1024
const machine = {
  cpu: "Some & Sons",
  cores: 2,
  memoryBytes: 2 ** 33,
  kernel: "6.1",
  filesystem: "ext4",
  node: "26.10.0"
}
const measured = { date: "2026-01-02T03:04:05.000Z", machine }

const entrant = (contender: string, seconds: ReadonlyArray<number>, cpu = 1, peakMib = 100): Entrant => ({
  contender,
  runs: seconds.map((each) => ({
    seconds: each,
    client: { cpu, peak: peakMib * MIB },
    server: { cpu, peak: peakMib * MIB },
    wire: 5_000_000,
    watching: 0.01
  }))
})
const race = (...entrants: ReadonlyArray<Entrant>): Race => ({
  ...measured,
  episodes: 1000,
  bytes: 64 * 1024,
  entrants,
  leftOut: [{ what: "rsync", why: "needs rsync" }]
})
const [four = "", eight = ""] = NODE_PAIRS
const SMALL = race(
  entrant(OURS, [2, 1, 4], 1, 170),
  entrant(four, [2, 2, 2]),
  entrant(eight, [1, 1, 1]),
  entrant(PYTHON, [15, 15, 15], 4),
  entrant(RSYNC, [2, 2, 2])
)
const rowOf = (text: string, begin: string): string => text.split("\n").find((line) => line.startsWith(begin)) ?? ""

describe("the report", () => {
  it("says of every target whether it is reached, or by how far not", () => {
    const text = report({ SMALL })
    expect(rowOf(text, "| speed ÷ the Python pair's")).toContain("**7.50** (≥ 7) ✓")
    expect(rowOf(text, "| speed ÷ `rsync --fsync`'s")).toContain("**1.00** (≥ 1.2) ✗ 17 % short")
    expect(rowOf(text, "| speed ÷ framework-free Node's")).toContain("**0.50** (≥ 0.9) ✗ 44 % short")
    expect(rowOf(text, "| CPU of the Python pair ÷ ours")).toContain("**4.00** (≥ 3) ✓")
    expect(rowOf(text, "| shipper's peak")).toContain("**170** (≤ 160) ✗ 6.3 % over")
  })

  it("gives medians, ranges and ratios of every contender", () => {
    const cells = rowOf(report({ SMALL }), `| ${RSYNC} `)
    expect(cells).toBe(`| ${RSYNC} | 500 | 500–500 | 3 | 1.00 | 15.3 | 15.3 | 30.5 | 100 | 100 | 5.0 |`)
    expect(rowOf(report({ SMALL }), `| **${OURS}**`)).toContain("| 500 | 250–1,000 | 3 | 1.00 |")
  })

  it("says what was left out and what it was measured on", () => {
    const text = report({ SMALL, MEDIUM: { ...SMALL, date: "2026-01-03T00:00:00.000Z" } })
    expect(text.match(/left out: rsync, which needs rsync/g)).toHaveLength(1)
    expect(text).toContain("- SMALL: 2026-01-02, 2 cores of Some & Sons, 8 GiB, Linux 6.1, ext4, Node 26.10.0")
    expect(text).toContain("- MEDIUM: 2026-01-03")
  })

  it("leaves a figure open where a contender is missing", () => {
    expect(rowOf(report({ SMALL: race(entrant(OURS, [1])) }), "| speed ÷ the Python pair's")).toMatch(/\| – \|$/)
  })

  it("counts the calls that sync", () => {
    const SYNCS = {
      ...measured,
      shipper: [{ call: "fsync", file: "shipped", times: 2 }],
      receiver: [{ call: "fdatasync", file: "index.jsonl", times: 1 }]
    }
    const text = report({ SYNCS })
    expect(text).toContain("| shipper: `shipped` | fsync | 2 |")
    expect(text).toContain("| receiver, in all |  | 1 |")
  })

  it("compares contenders by the rounds that both went", () => {
    const more = race(entrant(OURS, [1, 1, 1, 9, 9, 9, 9]), entrant(RSYNC, [2, 2, 2]))
    expect(rowOf(report({ SMALL: more }), "| speed ÷ `rsync --fsync`'s")).toContain("**2.00**")
  })

  it("judges a backlog by its first and last thousand, and idling by its share of a core", () => {
    const side = { cpu: 1, peak: 100 * MIB }
    const BACKLOG = {
      ...measured,
      episodes: 3000,
      bytes: 16 * 1024,
      receiverDown: [0.5, 2, 0.75].map((cpu) => ({ seconds: 1, cpu })),
      thousands: [4, 1, 5].map((seconds) => ({ seconds, cpu: 1.25 })),
      shipper: side,
      receiver: side,
      idle: [{ shipped: 3000, seconds: 60, shipper: 0.03, receiver: 0.09 }]
    }
    const text = report({ BACKLOG })
    expect(rowOf(text, "| BACKLOG: speed of the last thousand ÷ the first")).toContain("**0.80** (≥ 0.9) ✗ 11 % short")
    expect(rowOf(text, "| BACKLOG: a pass over 3,000")).toContain("**0.75 s** (≤ 1) ✓")
    expect(rowOf(text, "| BACKLOG: shipper idle, 3,000")).toContain("**0.050 %** (≤ 0.1) ✓")
    expect(rowOf(text, "| BACKLOG: receiver idle, 3,000")).toContain("**0.150 %** (≤ 0.1) ✗ 50 % over")
    expect(text).toContain("of each thousand in turn: 250, 1,000, 200.")
    expect(text).toContain("CPU seconds of both sides for each: 1.3, 1.3, 1.3.")
  })

  it("judges latency by the ratio of percentiles, and a thin line by what zstd -9 would need", () => {
    const LATENCY = {
      ...measured,
      rows: 1_000_000,
      bytes: 12_345,
      cases: [
        {
          concurrency: 4,
          puts: 2000,
          empty: { p50: 0.01, p99: 0.02 },
          full: { p50: 0.011, p99: 0.03 },
          emptyCpu: 4,
          fullCpu: 5,
          rounds: [{ empty: { p50: 0.01, p99: 0.02 }, full: { p50: 0.011, p99: 0.03 } }]
        }
      ],
      emptyPeak: 100 * MIB,
      fullPeak: 120 * MIB
    }
    const line = { bitsPerSecond: 1e7, roundTripMillis: 100, cutSeconds: 20, cuts: 4 }
    const carried = {
      seconds: 88,
      ideal: 80,
      stored: 1e8,
      carried: 1.03e8,
      shipperPeak: 10 * MIB,
      receiverPeak: 10 * MIB
    }
    const text = report({ LATENCY, THIN: { ...measured, episodes: 60, bytes: 8 * MIB, ...line, ...carried } })
    expect(rowOf(text, "| LATENCY: a PUT with 1,000,000 rows ÷ with none, 4 at a time, p50")).toContain("**1.10**")
    expect(rowOf(text, "| LATENCY: a PUT with 1,000,000 rows ÷ with none, 4 at a time, p99")).toContain("✗ 25 % over")
    expect(rowOf(text, "| 4 | 2,000 |")).toContain("| 2.00 ms | 2.50 ms |")
    expect(rowOf(text, "| THIN: time")).toContain("**1.10** (≤ 1.1) ✓")
    expect(rowOf(text, "| THIN: sent twice")).toContain("**3.00 %** (≤ 2) ✗ 50 % over")
  })

  it("is the same for the same results", () => {
    expect(report({ SMALL })).toBe(report(structuredClone({ SMALL })))
    expect(chart({ SMALL })).toBe(chart(structuredClone({ SMALL })))
  })
})

describe("the chart", () => {
  const svg = chart({ SMALL })

  it("has a bar for everybody, as long as they are fast, the fastest first", () => {
    const bars = [...svg.matchAll(/class="(ours|peer|limit)" x="[\d.]+" y="([\d.]+)" width="([\d.]+)"/g)]
    expect(bars).toHaveLength(SMALL.entrants.length)
    const widths = bars.map(([, , , width]) => Number(width))
    expect(widths).toEqual(widths.toSorted((a, b) => b - a))
    expect(bars.filter(([, kind]) => kind === "ours").map(([, , , width]) => Number(width))).toEqual([widths[1]])
  })

  it("stays within its frame and escapes what it is given", () => {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []
    const ys = [...svg.matchAll(/ y="([\d.]+)"/g)].map(([, y]) => Number(y))
    expect(Math.max(...ys)).toBeLessThan(Number(height))
    expect(Number(width)).toBeGreaterThan(0)
    expect(chart({ SMALL: race(entrant("a <b> & c", [1])) })).toContain("a &lt;b&gt; &amp; c")
  })

  it("has colours for dark pages too", () => {
    expect(svg).toContain("prefers-color-scheme: dark")
  })
})

describe("the results", () => {
  it("replace older ones of the same part and keep the others, in order", () => {
    const older: Results = { SMALL, LARGE: SMALL }
    const newer = race(entrant(OURS, [9]))
    const merged = merge(merge(older, { MEDIUM: newer }), { SMALL: newer })
    expect(Object.keys(merged)).toEqual(["SMALL", "MEDIUM", "LARGE"])
    expect(merged.SMALL).toBe(newer)
    expect(merged.LARGE).toBe(SMALL)
  })
})

describe("the figures", () => {
  it("are medians and percentiles of what was measured", () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(
      percentile(
        Array.from({ length: 200 }, (_, i) => i + 1),
        0.99
      )
    ).toBe(198)
    expect(percentile([5], 0.5)).toBe(5)
  })

  it("are judged at the limit as reached", () => {
    expect(verdict(0.9, atLeast(0.9))).toBe("✓")
    expect(verdict(160, atMost(160))).toBe("✓")
    expect(verdict(1.9, atMost(1))).toBe("✗ 90 % over")
  })
})

describe("the pace", () => {
  it("is told thousand by thousand, with what each cost", () => {
    // One row a millisecond, then one in two; a processor half used, then wholly.
    const rows = Array.from({ length: 2000 }, (_, i) => (i < 1000 ? i : 1000 + 2 * (i - 1000)))
    const samples = [
      { at: 0, cpu: 10 },
      { at: 1000, cpu: 10.5 },
      { at: 3000, cpu: 12.5 }
    ]
    const [first, last] = thousandsOf(rows, samples)
    expect(first?.seconds).toBeCloseTo(1)
    expect(first?.cpu).toBeCloseTo(0.5)
    expect(last?.seconds).toBeCloseTo(2)
    expect(last?.cpu).toBeCloseTo(2)
  })
})

it("what is kept in the repository is what its figures give", () => {
  const results = JSON.parse(readFileSync(join(RESULTS, "results.json"), "utf8")) as Results
  expect(readFileSync(join(RESULTS, "table.md"), "utf8")).toBe(report(results))
  expect(readFileSync(join(RESULTS, "chart.svg"), "utf8")).toBe(chart(results))
  const readme = readFileSync(join(RESULTS, "../../README.md"), "utf8")
  expect(readme).toContain("<!-- figures -->")
  expect(withFigures(readme, results)).toBe(readme)
})
