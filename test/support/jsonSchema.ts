/** As much of JSON Schema 2020-12 as the API description speaks; a keyword it does not know is an error, never passed over. */
import * as Predicate from "effect/Predicate"

type Schema = Readonly<Record<string, unknown>>
type Check = (value: unknown, argument: unknown, schema: Schema, at: string) => ReadonlyArray<string>

const typeOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  return Number.isInteger(value) ? "integer" : typeof value
}

const isSchema = (value: unknown): value is Schema => Predicate.isObject(value)
const asSchemas = (value: unknown): ReadonlyArray<Schema> => (Array.isArray(value) ? value.filter(isSchema) : [])
const matching = (value: unknown, schemas: ReadonlyArray<Schema>, at: string): number =>
  schemas.filter((schema) => violations(value, schema, at).length === 0).length

const unless = (ok: boolean, words: string): ReadonlyArray<string> => (ok ? [] : [words])

const checks: Readonly<Record<string, Check>> = {
  type: (value, type, _, at) => unless(typeOf(value) === type, `${at} is no ${String(type)}`),
  const: (value, constant, _, at) => unless(value === constant, `${at} is not ${JSON.stringify(constant)}`),
  enum: (value, values, _, at) =>
    unless(Array.isArray(values) && values.includes(value), `${at} is none of ${JSON.stringify(values)}`),
  pattern: (value, pattern, _, at) =>
    unless(typeof value === "string" && new RegExp(String(pattern), "u").test(value), `${at} is not like ${pattern}`),
  format: (value, format, _, at) =>
    unless(
      format === "date-time" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(String(value)),
      `${at} is no ${String(format)}`
    ),
  minimum: (value, minimum, _, at) => unless(Number(value) >= Number(minimum), `${at} is under ${String(minimum)}`),
  required: (value, names, _, at) =>
    (Array.isArray(names) ? names : [names])
      .filter((name) => !Predicate.hasProperty(value, name))
      .map((name) => `${at}.${name} is missing`),
  properties: (value, properties, _, at) =>
    Object.entries(isSchema(properties) ? properties : {}).flatMap(([name, schema]) =>
      Predicate.hasProperty(value, name) && isSchema(schema) ? violations(value[name], schema, `${at}.${name}`) : []
    ),
  additionalProperties: (value, other, { properties }, at) =>
    Object.entries(isSchema(value) ? value : {})
      .filter(([name]) => !Predicate.hasProperty(properties, name))
      .flatMap(([name, member]) =>
        isSchema(other)
          ? violations(member, other, `${at}.${name}`)
          : unless(other === true, `${at}.${name} is too much`)
      ),
  items: (value, items, _, at) =>
    (Array.isArray(value) && isSchema(items) ? value : []).flatMap((item, index) =>
      isSchema(items) ? violations(item, items, `${at}[${index}]`) : []
    ),
  anyOf: (value, schemas, _, at) => unless(matching(value, asSchemas(schemas), at) > 0, `${at} is none of the kinds`),
  oneOf: (value, schemas, _, at) => {
    const all = asSchemas(schemas)
    if (matching(value, all, at) === 1) return []
    return [`${at} is not exactly one of the kinds`, ...all.flatMap((schema) => violations(value, schema, at))]
  }
}

/** What is wrong with the value, in words; nothing when it is as the schema says. */
export const violations = (value: unknown, schema: Schema, at = "$"): ReadonlyArray<string> =>
  Object.entries(schema).flatMap(([keyword, argument]) => {
    const check = checks[keyword]
    if (check === undefined) throw new Error(`${at}: this checker does not know ${keyword}`)
    return check(value, argument, schema, at)
  })
