/**
 * The one way of writing a JSON document: RFC 8785, the JSON Canonicalization Scheme. What is no I-JSON (RFC 7493) has none: numbers
 * that are not finite, strings with half a surrogate pair.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/** Deeper than anything we exchange, and shallow enough for a walk over it. */
const DEEPEST = 500

type Written = Result.Result<string, string>

const refuse = (why: string): Written => Result.fail(why)

const text = (value: string): Written =>
  value.isWellFormed()
    ? // ECMA-262 escapes as RFC 8785, section 3.2.2.2, asks.
      Result.succeed(JSON.stringify(value))
    : refuse("a string holds half a surrogate pair")

const number = (value: number): Written =>
  // ECMA-262's shortest digits, as section 3.2.2.3 asks; a negative zero is written without its sign.
  Number.isFinite(value) ? Result.succeed(JSON.stringify(value)) : refuse(`${value} is no number of JSON's`)

const joined = (open: string, parts: ReadonlyArray<Written>, close: string): Written =>
  Result.map(Result.all(parts), (texts) => `${open}${texts.join(",")}${close}`)

const isPlain = (value: object): value is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const member = (name: string, value: unknown, depth: number): Written =>
  Result.flatMap(text(name), (key) => Result.map(write(value, depth), (written) => `${key}:${written}`))

const write = (value: unknown, depth: number): Written => {
  if (depth > DEEPEST) return refuse(`it is nested more than ${DEEPEST} deep`)
  if (value === null || Predicate.isBoolean(value)) return Result.succeed(String(value))
  if (Predicate.isString(value)) return text(value)
  if (Predicate.isNumber(value)) return number(value)
  if (Array.isArray(value)) {
    const items: ReadonlyArray<unknown> = value
    return joined(
      "[",
      Array.from(items, (item) => write(item, depth + 1)),
      "]"
    )
  }
  if (!Predicate.isObjectOrArray(value) || !isPlain(value)) return refuse(`${typeof value} is no type of JSON's`)
  // Sorted as JavaScript compares strings: by UTF-16 code units, as section 3.2.3 asks.
  const names = Object.keys(value).toSorted()
  return joined(
    "{",
    names.map((name) => member(name, value[name], depth + 1)),
    "}"
  )
}

/** The canonical text, to be hashed as UTF-8; or why there is none, in words. */
export const canonicalJson = (value: unknown): Result.Result<string, string> => write(value, 0)
