/** Writes table and chart anew from what was measured. */
import { RESULTS, render } from "./keep.ts"
import { readOptions } from "./options.ts"

const HELP = `
npm run bench:report -- [--results DIRECTORY]

Writes table.md, chart.svg and the README's figures from results.json; measures nothing.

  --results DIRECTORY   where they are (bench/results)`

const { values } = readOptions(HELP, { results: { type: "string", default: RESULTS } })
render(values.results)
