/**
 * The agent's answer to what it was told, as a value. Its refusals are JSON objects with a string `error`; of the two kinds of 409 one
 * names both topologies (`applied_topology_id`, `your_topology_id`), the other both generations (`generation`, `your_generation`).
 */
import * as Predicate from "effect/Predicate"

export type Outcome =
  | { readonly _tag: "Done" }
  /** Another topology is applied. */
  | { readonly _tag: "Occupied"; readonly error: string }
  /** It has obeyed a higher generation: another master's, or ours before we forgot. */
  | { readonly _tag: "Superseded"; readonly error: string }
  /** The topology cannot be run there, however often it is told. */
  | { readonly _tag: "Refused"; readonly error: string }
  /** It tried, and did not succeed. */
  | { readonly _tag: "Failed"; readonly error: string }
  /** Nobody answered, or somebody who is not an agent of ours. */
  | { readonly _tag: "Unreached"; readonly error: string }

const LONGEST = 2000

const errorIn = (body: unknown): string | undefined =>
  Predicate.isObject(body) && Predicate.isString(body.error) ? body.error.slice(0, LONGEST) : undefined

const NOT_LET_IN = new Set([401, 403])

/** `body` as JSON; `undefined` when it is none. */
export const judgeAnswer = (status: number, body: unknown): Outcome => {
  const said = errorIn(body)
  const error = said ?? `HTTP status ${status}`
  if (status === 200 || status === 204) return { _tag: "Done" }
  if (NOT_LET_IN.has(status)) return { _tag: "Unreached", error: `the agent does not let the master in: ${error}` }
  if (said === undefined) return { _tag: "Unreached", error: `${error}, and not from an agent` }
  if (status === 400) return { _tag: "Refused", error }
  if (status === 409) {
    return { _tag: Predicate.hasProperty(body, "your_generation") ? "Superseded" : "Occupied", error }
  }
  return { _tag: status === 500 ? "Failed" : "Unreached", error }
}
