/** Rows of an index: how many there are, when they came, and as many more as one likes. */
import { appendFileSync, readFileSync } from "node:fs"

export const countRows = (index: string): number => readFileSync(index, "utf8").split("\n").length - 1

/** When they came, in milliseconds since 1970. */
export const arrivals = (index: string): ReadonlyArray<number> =>
  readFileSync(index, "utf8")
    .trimEnd()
    .split("\n")
    .map((row) => Date.parse((JSON.parse(row) as { received_at: string }).received_at))
    .toSorted((a, b) => a - b)

const rowOf = (i: number): string =>
  `${JSON.stringify({
    schema_version: 1,
    host_id: `lab-${i % 100}`,
    episode_id: `01JC${String(i).padStart(22, "0")}`,
    sha256: i.toString(16).padStart(64, "0"),
    bytes: 1000 + i,
    content_sha256: i.toString(16).padStart(64, "c"),
    received_at: "2026-01-01T00:00:00.000Z",
    commit: i.toString(16).padStart(40, "d")
  })}\n`

const ROWS_AT_ONCE = 10_000

/** Appends rows `from` to `to`. */
export const appendRows = (index: string, from: number, to: number): void => {
  for (let at = from; at < to; at += ROWS_AT_ONCE) {
    const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, to - at) }, (_, i) => rowOf(at + i))
    appendFileSync(index, rows.join(""), { mode: 0o600 })
  }
}
