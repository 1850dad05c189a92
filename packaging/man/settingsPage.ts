/** A configuration's page in section 5, from the declarations that decode it. */
import { isTable, type SettingRow, settingRows } from "../../src/domain/settingRow.ts"
import { bold, italic, manual, pageReference, paragraph, plain, section, subsection, tagged, verbatim } from "./roff.ts"

export type Settings = Parameters<typeof settingRows>[0]

export interface SettingsPage {
  readonly program: string
  readonly config: string
  /** The whole path of the example. */
  readonly example: string
  readonly version: string
  /** YYYY-MM-DD. */
  readonly date: string
}

const value = ({ default: written }: SettingRow): string => {
  if (written === undefined) return "not set"
  return typeof written === "string" && written.includes("\n") ? "the text below" : JSON.stringify(written)
}

const key = (row: SettingRow): string => {
  const { default: written, doc, variable, wants } = row
  const said = [
    plain(doc),
    `Wants ${plain(wants)}.`,
    row.presence === "required" ? "Required." : `Default: ${bold(value(row))}.`,
    ...(variable === undefined ? [] : [`In the environment: ${bold(variable)}.`])
  ]
  const below = typeof written === "string" && written.includes("\n") ? verbatim(written) : ""
  return tagged(bold(row.key), ...said) + below
}

const tableOf = ({ path }: SettingRow): string => path.slice(0, -1).join(".")

/** As it stands in the file. */
export const tableName = ({ key, kind }: SettingRow): string => (kind === "tables" ? `[[${key}]]` : `[${key}]`)

const tables = (rows: ReadonlyArray<SettingRow>): string =>
  rows.map((row) => (isTable(row) ? subsection(tableName(row)) + paragraph(plain(row.doc)) : key(row))).join("")

export const settingsPage = (page: SettingsPage, settings: Settings): string => {
  const { config, program } = page
  const rows = settingRows(settings)
  const top = rows.filter((row) => !isTable(row) && tableOf(row) === "")
  const below = rows.filter((row) => !top.includes(row))
  return manual(
    { name: config, section: 5, date: page.date, source: `CIS490 ${page.version}` },
    section("NAME"),
    `${plain(config)} \\- configuration of ${plain(program)}\n`,
    section("DESCRIPTION"),
    paragraph(
      plain(
        `${program} reads /etc/cis490/${config}, or the file that --config names, as TOML. A key that is unknown, of the wrong type or out of range is said with the file, the key, what was found and what is wanted, and the exit status is 2. Top-level tables that are not ours belong to other programs on the host.`
      )
    ),
    paragraph(
      plain(
        "~/ in a path stands for HOME. A variable of the environment wins over the file: text and paths as they are, everything else as a TOML value."
      )
    ),
    section("KEYS"),
    ...(top.length === 0 ? [] : [subsection("At the top"), ...top.map(key)]),
    tables(below),
    section("FILES"),
    tagged(italic(`/etc/cis490/${config}`), plain("The configuration.")),
    tagged(italic(page.example), plain("Every key, with its default or an example.")),
    section("SEE ALSO"),
    paragraph(pageReference(program, 1))
  )
}
