/** Which version of the API is spoken with an engine: each knows a range, and newer ones have dropped the older versions. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { EngineTrouble } from "../../src/services/Engine.ts"
import type { Answer, Ask, Question } from "./ask.ts"

/** What we ask for means the same in every version up to here; Debian 12's engine speaks 1.41. */
const OURS = 44

const minorIn = (version: unknown): number | undefined => {
  const digits = Predicate.isString(version) ? /^1\.(\d{1,3})$/.exec(version)?.[1] : undefined
  return digits === undefined ? undefined : Number(digits)
}

/** The beginning of every path; none where the engine does not say: it takes its own version then. */
export const prefixFor = (body: unknown): string => {
  const said = Predicate.isObject(body) ? body : {}
  const newest = minorIn(said.ApiVersion)
  const oldest = minorIn(said.MinAPIVersion) ?? 0
  return newest === undefined ? "" : `/v1.${Math.max(oldest, Math.min(newest, OURS))}`
}

/** An engine that was replaced by another while we ran. */
const isOutdated = ({ body, status }: Answer): boolean =>
  status === 400 &&
  Predicate.isObject(body) &&
  Predicate.isString(body.message) &&
  /version .* is too (old|new)/.test(body.message)

/** Asks for the version with the first question. */
export const versioned = (ask: Ask): Ask => {
  let prefix: string | undefined
  const learn: Effect.Effect<string, EngineTrouble> = Effect.map(
    ask({ method: "GET", path: "/version", patience: "10 seconds" }),
    ({ body }) => {
      prefix = prefixFor(body)
      return prefix
    }
  )
  const once = (question: Question) =>
    Effect.flatMap(
      Effect.suspend(() => (prefix === undefined ? learn : Effect.succeed(prefix))),
      (known) => ask({ ...question, path: `${known}${question.path}` })
    )
  return (question) =>
    Effect.flatMap(once(question), (answer) => {
      if (!isOutdated(answer)) return Effect.succeed(answer)
      prefix = undefined
      return once(question)
    })
}
