/** What the environment has to say about a configuration: variables that set keys, and what `~` stands for. */
import * as Toml from "effect/encoding/Toml"
import * as Result from "effect/Result"
import type { Kind } from "../domain/setting.ts"
import { ANY_ENTRY, ANY_HOST, type SettingRow } from "../domain/settingRow.ts"
import { isTomlTable, member, type TomlTable } from "../domain/toml.ts"

type Variables = Readonly<Record<string, string | undefined>>

const parsed = (text: string): unknown => {
  const document = Result.getOrUndefined(Toml.parse(`value = ${text.trim()}`))
  return document !== undefined && Object.keys(document).length === 1 ? document["value"] : text
}

/** What cannot be read stays text, for the decoder to find. */
const read = (kind: Kind, text: string): unknown => (kind === "text" || kind === "path" ? text : parsed(text))

/** The table with another value at `path`. Where something stands in the way that is no table, nothing changes. */
const update = (table: unknown, path: ReadonlyArray<string>, change: (value: unknown) => unknown): unknown => {
  const [name, ...rest] = path
  if (name === undefined) return change(table)
  if (name === ANY_ENTRY && Array.isArray(table)) return table.map((each) => update(each, rest, change))
  if (table !== undefined && !isTomlTable(table)) return table
  const names = name === ANY_HOST ? Object.keys(table ?? {}) : [name]
  const changed = names.map((each) => [each, update(member(table, each), rest, change)] as const)
  return { ...table, ...Object.fromEntries(changed.filter(([, value]) => value !== undefined)) }
}

/** The keys that the environment sets, each with its variable. */
export const overridden = (rows: ReadonlyArray<SettingRow>, variables: Variables): ReadonlyMap<string, string> =>
  new Map(
    rows.flatMap(({ key, variable }) =>
      variable !== undefined && variables[variable] !== undefined ? [[key, variable] as const] : []
    )
  )

const override =
  (variables: Variables) =>
  (table: unknown, { kind, path, variable }: SettingRow): unknown => {
    const text = variable === undefined ? undefined : variables[variable]
    return text === undefined ? table : update(table, path, () => read(kind, text))
  }

const expandHome =
  (home: string | undefined) =>
  (table: unknown, { kind, path }: SettingRow): unknown =>
    kind !== "path" || home === undefined || !home.startsWith("/")
      ? table
      : update(table, path, (value) =>
          typeof value === "string"
            ? value.replace(/^(unix:)?~(?=\/|$)/, (_, unix = "") => unix + home.replace(/\/+$/, ""))
            : value
        )

/** The table with what the environment sets, and with `~` expanded. */
export const withEnvironment = (rows: ReadonlyArray<SettingRow>, variables: Variables, file: TomlTable): TomlTable => {
  const set = rows.reduce<unknown>(override(variables), file)
  const expanded = rows.reduce<unknown>(expandHome(variables["HOME"]), set)
  return isTomlTable(expanded) ? expanded : file
}
