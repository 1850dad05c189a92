/** `results/`: what was measured last, part by part, and the report made of it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { say } from "./options.ts"
import { chart } from "./report/chart.ts"
import { report } from "./report/table.ts"
import { targets } from "./report/targets.ts"
import { merge, type Results } from "./results.ts"

export const RESULTS = join(import.meta.dirname, "results")

const read = (directory: string): Results => {
  try {
    return JSON.parse(readFileSync(join(directory, "results.json"), "utf8")) as Results
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {}
    throw error
  }
}

/** Six digits say more than any clock here. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value

const write = (directory: string, results: Results): void => {
  mkdirSync(directory, { recursive: true })
  const put = (name: string, text: string): void => writeFileSync(join(directory, name), text)
  put("results.json", `${JSON.stringify(results, rounded, 2)}\n`)
  put("table.md", report(results))
  put("chart.svg", chart(results))
}

const README = join(import.meta.dirname, "..", "README.md")

/** The README with these figures between its two marks. */
export const withFigures = (readme: string, results: Results): string =>
  readme.replace(/(<!-- figures -->\n).*(\n<!-- end of figures -->)/s, (_, begin, end) =>
    [begin, targets(results).join("\n\n"), end].join("")
  )

/** Writes table and chart from what is there; of what is kept in the repository, the README says the most. */
export const render = (directory: string): void => {
  const results = read(directory)
  write(directory, results)
  if (directory === RESULTS) writeFileSync(README, withFigures(readFileSync(README, "utf8"), results))
}

/**
 * Puts new figures in the place of older ones of the same part and writes the report anew. What is not `whole` (fewer rounds, fewer
 * contenders, smaller amounts) is kept only in a directory that was named for it.
 */
export const keep = (newer: Results, named: string | undefined, whole: boolean): void => {
  if (named === undefined && !whole)
    return say("\nnot kept: this was not the whole of it; --results DIRECTORY keeps it there")
  const directory = named ?? RESULTS
  write(directory, merge(read(directory), newer))
  render(directory)
  say(`\nkept in ${directory}`)
}
