/** Tables of Markdown. Pure. */
const line = (cells: ReadonlyArray<string>): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`

/** The first column to the left, the others to the right. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [line(head), `|---${"|---:".repeat(head.length - 1)}|`, ...rows.map(line)].join("\n")
