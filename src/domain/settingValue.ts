/** The types of value a configuration knows, each with its words. */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { HostId } from "./names.ts"
import { parseNetwork } from "./network.ts"
import type { Value } from "./setting.ts"
import { clockTime, DAYS, LEAST_RATE, MINUTES_OF_DAY } from "./timetable.ts"

/** Keeps the schema's own type. */
const value = <S extends Schema.Top>(value: Value<S>): Value<S> => value

export const hostId = value({
  schema: HostId,
  kind: "text",
  wants: "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"
})

export const boolean = value({ schema: Schema.Boolean, kind: "boolean", wants: "true or false" })

export const text = value({ schema: Schema.String, kind: "text", wants: "a string" })

/** A part of a URL's path. */
export const name = value({
  schema: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/)),
  kind: "text",
  wants: "a name of A-Z a-z 0-9 . _ -, beginning with a letter, digit or _"
})

/** Of a field that a proxy sets; none that says something to every server. */
export const headerName = value({
  schema: Schema.String.check(Schema.isPattern(/^x-[a-z0-9-]*[a-z0-9]$/i)),
  kind: "text",
  wants: "the name of a header that begins with X-"
})

export const networks = value({
  schema: Schema.NonEmptyArray(Schema.String.check(Schema.makeFilter((text) => parseNetwork(text) !== undefined))),
  kind: "array",
  wants: "a list of one or more IP addresses or networks, such as 10.0.0.7 or fd00::/8"
})

/** Never to be taken for an option of git's. */
export const branch = value({
  schema: Schema.String.check(Schema.isPattern(/^[^\s\p{Cc}~^:?*[\\-][^\s\p{Cc}~^:?*[\\]*$/u)),
  kind: "text",
  wants: "the name of a git branch"
})

/** Looks back, so that a run of slashes is tried once and not from each of them. */
const withoutTrailingSlashes = (text: string): string => text.replace(/(?<!\/)\/+$/, "")

/** `~` is expanded before a path is decoded. Trailing slashes are dropped: names are appended, and parents are told by the last one. */
export const path = value({
  schema: Schema.String.check(Schema.isPattern(/^\/[^\0]*$/)).pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: (path: string) => (/^\/+$/.test(path) ? "/" : withoutTrailingSlashes(path)),
        encode: (path: string) => path
      })
    )
  ),
  kind: "path",
  wants: "an absolute path (~/ stands for HOME)"
})

/** The path of a file that holds a secret. Never shown when it is wrong: it may be the secret, put in the wrong place. */
export const secretFile = value({ ...path, secret: true })

const Token = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]+$/))

/** Non-empty and fit for an `Authorization: Bearer` field. */
export const isToken = Schema.is(Token)

export const token = value({
  schema: Schema.RedactedFromValue(Token, { label: "token" }),
  kind: "text",
  wants: "a token: printable ASCII characters without spaces",
  secret: true
})

/** One token, or several of which each will do; decoded to a list. */
export const tokens = value({
  schema: Schema.ArrayEnsure(token.schema).check(Schema.isMinLength(1)),
  kind: "array",
  wants: "a token or a list of tokens: printable ASCII characters without spaces",
  secret: true
})

/** Some thirty years: what is longer is a mistake, and not every clock can count it. */
const LONGEST_SECONDS = 1_000_000_000

export const seconds = value({
  schema: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: LONGEST_SECONDS })),
  kind: "number",
  wants: `a number of seconds from 0 to ${LONGEST_SECONDS}`
})

/** A limit on waiting: nothing could ever arrive within 0 seconds. */
export const timeout = value({
  schema: Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(LONGEST_SECONDS)),
  kind: "number",
  wants: `a number of seconds above 0, at most ${LONGEST_SECONDS}`
})

/** Bytes per second. `zero` says what none means. */
export const rate = (zero: string) =>
  value({
    schema: Schema.Int.check(Schema.makeFilter((rate) => rate === 0 || rate >= LEAST_RATE)),
    kind: "number",
    wants: `a whole number of bytes per second: 0 (${zero}), or ${LEAST_RATE} (16 kbit/s) or more, because the receiver gives up what crawls`
  })

export const weekdays = value({
  schema: Schema.NonEmptyArray(Schema.Literals(DAYS)),
  kind: "array",
  wants: "a list of one or more of mon, tue, wed, thu, fri, sat, sun"
})

const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))

const timeOfDay = (last: number) =>
  value({
    schema: Schema.String.check(
      Schema.makeFilter((text) => /^\d\d:[0-5]\d$/.test(text) && minutesOf(text) <= last)
    ).pipe(Schema.decodeTo(Schema.Int, SchemaTransformation.transform({ decode: minutesOf, encode: clockTime }))),
    kind: "text",
    wants: `a time in quotes, from "00:00" to "${clockTime(last)}"`
  })

/** Decoded to minutes since midnight. */
export const beginning = timeOfDay(MINUTES_OF_DAY - 1)
export const end = timeOfDay(MINUTES_OF_DAY)

/** One of several words. */
export const oneOf = <const Words extends ReadonlyArray<string>>(words: Words) =>
  value({ schema: Schema.Literals(words), kind: "text", wants: `one of ${words.join(", ")}` })

export const days = value({
  schema: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  kind: "number",
  wants: "a number of days, 0 (for ever) or more"
})

export const backoff = value({
  schema: Schema.NonEmptyArray(seconds.schema),
  kind: "array",
  wants: `a list of one or more numbers of seconds, each from 0 to ${LONGEST_SECONDS}`
})

export const integer = (minimum: number, maximum: number) =>
  value({
    schema: Schema.Int.check(Schema.isBetween({ minimum, maximum })),
    kind: "number",
    wants: `a whole number from ${minimum} to ${maximum}`
  })

export const integerFrom = (minimum: number, unit: string) =>
  value({
    schema: Schema.Int.check(Schema.isGreaterThanOrEqualTo(minimum)),
    kind: "number",
    wants: `a whole number of ${unit}, ${minimum} or more`
  })

const isBaseUrl = (candidate: string): boolean => {
  if (!/^https?:\/\/[^\s?#@\\]+$/i.test(candidate)) return false
  const url = URL.parse(candidate)
  return url !== null && url.username === "" && url.password === ""
}

/** Something to append paths to. Trailing slashes are dropped. */
export const baseUrl = value({
  schema: Schema.String.check(Schema.makeFilter(isBaseUrl)).pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: withoutTrailingSlashes,
        encode: (url: string) => url
      })
    )
  ),
  kind: "text",
  wants: "an http:// or https:// URL without user, query and fragment"
})
