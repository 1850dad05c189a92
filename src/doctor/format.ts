/** The rows for people. */

import { plain } from "../cli/table.ts"
import { counted } from "../domain/humanize.ts"
import type { Row, State } from "./row.ts"

/** ECMA-48 colours. */
const COLOUR: Readonly<Record<State, number>> = { green: 32, yellow: 33, red: 31 }

const paint = (state: State, text: string): string => `\u001b[1;${COLOUR[state]}m${text}\u001b[0m`

const STATE_WIDTH = 6
const MEND = "        mend: "

const countOf = (rows: ReadonlyArray<Row>, state: State): number => rows.filter((row) => row.state === state).length

const summary = (rows: ReadonlyArray<Row>): string => {
  const [reds, yellows] = [countOf(rows, "red"), countOf(rows, "yellow")]
  return reds + yellows === 0
    ? `all green: ${counted(rows.length, "check")}`
    : `${reds} red, ${yellows} yellow of ${counted(rows.length, "check")}`
}

/** Aligned, a line each, so that a row can be found by a word in it; a mend stands below, whole, so that it can be copied. */
export const formatRows = (rows: ReadonlyArray<Row>, colour: boolean): string => {
  const widest = (of: (row: Row) => string): number => Math.max(0, ...rows.map((row) => plain(of(row)).length))
  const [check, target] = [widest((row) => row.check), widest((row) => row.target)]
  const lines = rows.flatMap((row) => {
    const state = row.state.padEnd(STATE_WIDTH)
    const cells = [plain(row.check).padEnd(check), plain(row.target).padEnd(target), plain(row.found)]
    return [
      [colour ? paint(row.state, state) : state, ...cells].join("  "),
      ...(row.mend === null ? [] : [`${MEND}${plain(row.mend)}`])
    ]
  })
  return [...lines, "", summary(rows)].join("\n")
}
