/** Aligned plain text: as wide as a terminal, harmless whatever a cell holds. */
const WIDTH = 80
const GAP = 2
/** The last column is never squeezed below this. */
const NARROWEST = 24

/** What can move a cursor, end a line or turn the reading order around. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g

/** Text from elsewhere, fit for a terminal and one line. */
export const plain = (text: string): string => text.replaceAll(UNSAFE, " ")

/** Breaks at spaces; a word that is too long stays whole, so that it can be copied. */
const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Rows of cells as lines. All columns but the last are as wide as their widest cell; `right` names those that hold numbers. */
export const table = (
  rows: ReadonlyArray<ReadonlyArray<string>>,
  options?: { readonly right?: ReadonlyArray<number> }
): string => {
  const safe = rows.map((row) => row.map(plain))
  const last = Math.max(0, ...safe.map((row) => row.length)) - 1
  const widths = Array.from({ length: last }, (_, column) => Math.max(...safe.map((row) => row[column]?.length ?? 0)))
  const indent = widths.reduce((sum, width) => sum + width + GAP, 0)
  const lines = safe.flatMap((row) => {
    const head = widths.map((width, column) => {
      const cell = row[column] ?? ""
      return `${options?.right?.includes(column) ? cell.padStart(width) : cell.padEnd(width)}${" ".repeat(GAP)}`
    })
    const [first = "", ...rest] = wrapped(row[last] ?? "", Math.max(WIDTH - indent, NARROWEST))
    return [head.join("") + first, ...rest.map((line) => " ".repeat(indent) + line)]
  })
  return lines.map((line) => line.trimEnd()).join("\n")
}
