/**
 * What a configuration is made of. A field is a Schema for its value that also carries what people are told about it: the one
 * declaration behind decoding, error messages, environment variables and the example files.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { HostId } from "./names.ts"

/** How a value is written: decides how an environment variable is read and where `~` is expanded. */
export type Kind = "text" | "path" | "number" | "boolean" | "array" | "table" | "tables"

/** A type of value and the words for it. */
export interface Value<S extends Schema.Top> {
  readonly schema: S
  readonly kind: Kind
  /** Completes "wants …". */
  readonly wants: string
  readonly secret?: boolean
  /** Of a table: its keys. */
  readonly fields?: Schema.Struct.Fields
}

/** What is said about a key. */
export interface About {
  readonly kind: Kind
  readonly wants: string
  readonly secret: boolean
  readonly doc: string
  readonly presence: "required" | "optional" | "defaulted"
  /** As it would be written in the file. */
  readonly default?: unknown
  /** Of a table, or of each of a list of tables: its keys. */
  readonly fields?: Schema.Struct.Fields
  /** Of a table with a key per host: what each of them is. */
  readonly perHost?: Value<Schema.Top>
}

const ANNOTATION = "cis490/setting"

declare module "effect/Schema" {
  namespace Annotations {
    interface Annotations {
      readonly [ANNOTATION]?: About | undefined
    }
  }
}

/** What the declaration of a field says; a defect for a field that is not made by this module. */
export const aboutField = (field: Schema.Constraint): About => {
  const about = Schema.resolveAnnotationsKey(field)?.[ANNOTATION]
  if (about === undefined) throw new Error("a field without words")
  return about
}

const words = (value: Value<Schema.Top>, doc: string, presence: About["presence"]): About => ({
  kind: value.kind,
  wants: value.wants,
  secret: value.secret ?? false,
  doc,
  presence
})

const tableWords = (doc: string): About => ({
  kind: "table",
  wants: "a table",
  secret: false,
  doc,
  presence: "optional"
})

export const required = <S extends Schema.Top>(value: Value<S>, doc: string) =>
  value.schema.pipe(Schema.annotateKey({ [ANNOTATION]: words(value, doc, "required") }))

export const optional = <S extends Schema.Top>(value: Value<S>, doc: string) =>
  Schema.optionalKey(value.schema).pipe(Schema.annotateKey({ [ANNOTATION]: words(value, doc, "optional") }))

/** `fallback` as it would be written in the file. */
export const defaulted = <S extends Schema.Top>(value: Value<S>, fallback: S["Encoded"], doc: string) =>
  value.schema.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(fallback)),
    Schema.annotateKey({ [ANNOTATION]: { ...words(value, doc, "defaulted"), default: fallback } })
  )

/** A table of fixed keys. An absent one is an empty one: what it requires is missing then. */
export const table = <S extends Schema.Struct<Schema.Struct.Fields>>(schema: S, doc: string) =>
  schema.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({} as S["Encoded"])),
    Schema.annotateKey({ [ANNOTATION]: { ...tableWords(doc), fields: schema.fields } })
  )

/** A list of tables of fixed keys, `[[…]]` each. An absent one is empty. */
export const tables = <S extends Schema.Struct<Schema.Struct.Fields>>(schema: S, doc: string) =>
  Schema.Array(schema).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed<ReadonlyArray<S["Encoded"]>>([])),
    Schema.annotateKey({
      [ANNOTATION]: {
        ...tableWords(doc),
        kind: "tables",
        presence: "defaulted",
        default: [],
        wants: "tables, each behind its name in [[ ]]",
        fields: schema.fields
      }
    })
  )

/** A table with a key per host. */
export const tableOfHosts = <S extends Schema.Top>(value: Value<S>, doc: string) =>
  Schema.Record(HostId, value.schema).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({} as Schema.Record.Encoded<typeof HostId, S>)),
    Schema.annotateKey({ [ANNOTATION]: { ...tableWords(doc), perHost: value } })
  )

/** Checks a table: where `one` is set, `other` is. */
export const needs = (one: string, other: string) =>
  Schema.makeFilter((values: Readonly<Record<string, unknown>>) =>
    values[one] === undefined || values[other] !== undefined
      ? undefined
      : { path: [other], issue: `a value, because ${one} is set` }
  )

/** Checks a table: the two differ. `mend` completes "wants …". */
export const differ = (one: string, other: string, mend: string) =>
  Schema.makeFilter((values: Readonly<Record<string, unknown>>) =>
    values[one] === values[other] ? { path: [other], issue: mend } : undefined
  )

/** Checks a table: neither of the two goes without its companion. */
export const together = (one: string, other: string) => Schema.makeFilterGroup([needs(one, other), needs(other, one)])
