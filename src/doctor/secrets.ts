/** Keeps what is secret out of what leaves the machine, wherever it may have got to. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { readToken } from "../token.ts"

/** Every secret in a configuration. */
const within = (value: unknown): ReadonlyArray<string> => {
  if (Redacted.isRedacted(value)) {
    const secret = Redacted.value(value)
    return Predicate.isString(secret) ? [secret] : []
  }
  if (Array.isArray(value)) return value.flatMap(within)
  return Predicate.isObject(value) ? Object.values(value).flatMap(within) : []
}

const tokenFiles = (value: unknown): ReadonlyArray<string> =>
  Predicate.isObject(value)
    ? Object.entries(value).flatMap(([key, member]) =>
        key.endsWith("token_file") && Predicate.isString(member) ? [member] : tokenFiles(member)
      )
    : []

const READ_MILLIS = 2000

/** The tokens that a configuration holds, and those in the files it names. */
export const secretsOf = Effect.fnUntraced(function* (settings: unknown) {
  const files = yield* Effect.forEach(
    tokenFiles(settings),
    (file) => Effect.timeoutOption(Effect.option(readToken(file)), READ_MILLIS),
    { concurrency: "unbounded" }
  )
  const fromFiles = files.flatMap((token) => Option.toArray(Option.map(Option.flatten(token), Redacted.value)))
  return [...new Set([...within(settings), ...fromFiles])]
})

export const withoutSecrets = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets
    .toSorted((a, b) => b.length - a.length)
    .reduce(
      (clean, secret) =>
        clean.replaceAll(secret, "<redacted>").replaceAll(JSON.stringify(secret).slice(1, -1), "<redacted>"),
      text
    )
