import { isTable, type SettingRow, settingRows } from "../../src/domain/settingRow.ts"

const asToml = (value: unknown): string => {
  if (typeof value !== "string") return JSON.stringify(value)
  return value.includes("\n") ? "see etc/" : JSON.stringify(value)
}

const defaultOf = ({ default: value, presence }: SettingRow): string =>
  presence === "required" ? "required" : value === undefined ? "none" : `\`${asToml(value)}\``

/** The Markdown table of a configuration's keys, as it stands in the README. */
export const settingsTable = (settings: Parameters<typeof settingRows>[0]): string => {
  const rows = settingRows(settings)
    .filter((row) => !isTable(row))
    .map((row) => `| \`${row.key}\` | ${defaultOf(row)} | ${row.doc} |`)
  return ["| key | default | |", "|---|---|---|", ...rows, ""].join("\n")
}
