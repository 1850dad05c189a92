/** What a value is, in words that fit into an error message: what may be a secret is told by its type only. */

const LONGEST = 80

const shortened = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)

const withoutQuery = (text: string): string => {
  const scheme = text.indexOf("://")
  const query = scheme === -1 ? -1 : text.slice(scheme).search(/[?#]./s)
  return query === -1 ? text : `${text.slice(0, scheme + query + 1)}<hidden>`
}

/** What stands before an `@` or behind a `?` or `#` of a URL may be a secret. */
const withoutSecrets = (text: string): string =>
  withoutQuery(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1<hidden>@"))

/** The type of a value as TOML calls it. */
export const typeFound = (value: unknown): string => {
  if (value === undefined || value === null) return "nothing"
  if (value instanceof Date) return "a date"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "boolean") return "a boolean"
  if (typeof value === "number") return "a number"
  return typeof value === "string" ? (value === "" ? "an empty string" : "a string") : "a table"
}

const isPlain = (value: unknown): value is string | number | boolean =>
  ["string", "number", "boolean"].includes(typeof value)

const plainFound = (value: string | number | boolean): string =>
  typeof value === "string" ? JSON.stringify(shortened(withoutSecrets(value))) : String(value)

/** The value itself where it is short and plain, else its type. */
export const valueFound = (value: unknown): string => {
  if (isPlain(value)) return plainFound(value)
  if (Array.isArray(value) && value.every(isPlain)) return `[${shortened(value.map(plainFound).join(", "))}]`
  return typeFound(value)
}
