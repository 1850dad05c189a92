import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { nearest } from "./nearest.ts"
import { typeFound, valueFound } from "./settingFound.ts"
import { ANY_ENTRY, ANY_HOST, isTable, type SettingRow, settingRows } from "./settingRow.ts"
import { hostId } from "./settingValue.ts"
import { member } from "./toml.ts"

/** What is wrong with one key. */
export interface SettingProblem {
  /** As it is written with dots; absent when it is the file itself. */
  readonly key?: string
  /** Completes "found …"; never a secret. */
  readonly found: string
  /** Completes "wants …". */
  readonly wants: string
  /** The environment variable that the value came from. */
  readonly variable?: string
}

/** A configuration: a Schema whose fields are made by `setting.ts`. */
export type AnySettings = Schema.Codec<unknown, unknown> & { readonly fields: Schema.Struct.Fields }

type Path = ReadonlyArray<PropertyKey>

interface Complaint {
  readonly path: Path
  readonly about: "missing" | "unknown" | "wrong"
  readonly wants?: string
}

const complaints = (issue: SchemaIssue.Issue, path: Path = []): ReadonlyArray<Complaint> => {
  switch (issue._tag) {
    case "Pointer":
      return complaints(issue.issue, [...path, ...issue.path])
    case "Filter":
    case "Encoding":
      return complaints(issue.issue, path)
    case "Composite":
      return issue.issues.flatMap((part) => complaints(part, path))
    case "MissingKey":
      return [{ path, about: "missing" }]
    case "UnexpectedKey":
      return [{ path, about: "unknown" }]
    case "InvalidValue":
      return [
        { path, about: "wrong", ...(issue.annotations?.message !== undefined && { wants: issue.annotations.message }) }
      ]
    default:
      return [{ path, about: "wrong" }]
  }
}

const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, name) => (Array.isArray(value) ? value[Number(name)] : member(value, String(name))),
    root
  )

const quoted = (part: string): string => (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))

/** A key as TOML would write it, `shipper.window[1].from` for one in the first of several tables. */
const written = (path: Path): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part + 1}]` : `.${quoted(String(part))}`))
    .join("")
    .slice(1)

const nameOf = (row: SettingRow): string => row.path.at(-1) ?? ""

const isAt = (prefix: Path, path: Path): boolean =>
  prefix.length <= path.length &&
  prefix.every(
    (name, i) => name === ANY_HOST || (name === ANY_ENTRY && typeof path[i] === "number") || name === path[i]
  )

const deepest = (rows: ReadonlyArray<SettingRow>, path: Path): SettingRow | undefined =>
  rows.filter((row) => isAt(row.path, path)).toSorted((a, b) => b.path.length - a.path.length)[0]

const didYouMean = (rows: ReadonlyArray<SettingRow>, siblings: ReadonlyArray<SettingRow>, path: Path): string => {
  const name = String(path.at(-1))
  const close = nearest(name, siblings.map(nameOf))
  if (close !== undefined) return `; did you mean ${written([...path.slice(0, -1), close])}?`
  const candidates = rows.filter((row) => nameOf(row) === name)
  return candidates.length === 1 ? `; did you mean ${candidates[0]?.key}?` : ""
}

const unknownKey = (rows: ReadonlyArray<SettingRow>, path: Path): SettingProblem => {
  const siblings = rows.filter((row) => row.path.length === path.length && isAt(row.path.slice(0, -1), path))
  const perHost = siblings.find((row) => nameOf(row) === ANY_HOST)
  if (perHost !== undefined) return { key: written(path), found: "a key that is no host_id", wants: hostId.wants }
  const known = siblings.map(nameOf).join(", ")
  return {
    key: written(path),
    found: "a key that is not known here",
    wants: `one of ${known}${didYouMean(rows, siblings, path)}`
  }
}

const explain =
  (rows: ReadonlyArray<SettingRow>, raw: unknown) =>
  ({ path, about, wants }: Complaint): SettingProblem => {
    const row = deepest(rows, path)
    if (about === "unknown" || row === undefined) return unknownKey(rows, path)
    const at = path.slice(0, row.path.length)
    const value = valueAt(raw, at)
    const found = row.secret || isTable(row) ? typeFound(value) : valueFound(value)
    return { key: written(at), found, wants: wants ?? row.wants }
  }

const once = (problems: ReadonlyArray<SettingProblem>): ReadonlyArray<SettingProblem> => [
  ...new Map(problems.map((problem) => [`${problem.key} ${problem.wants}`, problem])).values()
]

/** Settings from what a TOML file holds, or everything that is wrong with it. */
export const decodeSettings = <S extends AnySettings>(
  schema: S,
  raw: Readonly<Record<string, unknown>>
): Result.Result<S["Type"], ReadonlyArray<SettingProblem>> =>
  Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(raw).pipe(
    Result.mapError((error) => once(complaints(error.issue).map(explain(settingRows(schema), raw))))
  )
