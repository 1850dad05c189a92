import type * as Schema from "effect/Schema"
import { type About, aboutField } from "./setting.ts"

/** Stands for any host in a `path`. */
export const ANY_HOST = "<host_id>"
/** Stands for any of a list of tables in a `path`. */
export const ANY_ENTRY = "[]"

/** One key of a configuration and all that is said about it. */
export interface SettingRow extends Omit<About, "fields" | "perHost"> {
  readonly path: ReadonlyArray<string>
  /** `receiver.url`, `fleet.<host_id>.agent_url`, `shipper.window[].from`. */
  readonly key: string
  /** The environment variable that sets it; absent where none can. */
  readonly variable?: string
}

/** A key that stands for others. */
export const isTable = ({ kind }: Pick<About, "kind">): boolean => kind === "table" || kind === "tables"

const variable = (path: ReadonlyArray<string>, about: About): { readonly variable?: string } =>
  isTable(about) || path.includes(ANY_HOST) || path.includes(ANY_ENTRY)
    ? {}
    : { variable: `CIS490_${path.join("__").toUpperCase()}` }

const rowsBelow = (path: ReadonlyArray<string>, about: About): ReadonlyArray<SettingRow> => {
  const { fields, perHost, ...said } = about
  const row = { ...said, path, key: path.join(".").replaceAll(`.${ANY_ENTRY}`, ANY_ENTRY), ...variable(path, about) }
  if (about.kind === "tables") return [row, ...rowsOfFields([...path, ANY_ENTRY], fields ?? {})]
  if (perHost === undefined) return [row, ...rowsOfFields(path, fields ?? {})]
  const entry: About = {
    doc: about.doc,
    presence: "optional",
    kind: perHost.kind,
    wants: perHost.wants,
    secret: perHost.secret ?? false,
    fields: perHost.fields ?? {}
  }
  return [row, ...rowsBelow([...path, ANY_HOST], entry)]
}

const rowsOfFields = (path: ReadonlyArray<string>, fields: Schema.Struct.Fields): ReadonlyArray<SettingRow> =>
  Object.entries(fields).flatMap(([name, field]) => rowsBelow([...path, name], aboutField(field)))

/** Every key of a configuration in the order of its declaration, each table before its keys. */
export const settingRows = (settings: { readonly fields: Schema.Struct.Fields }): ReadonlyArray<SettingRow> =>
  rowsOfFields([], settings.fields)
