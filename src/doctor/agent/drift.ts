/** What is remembered against what the engine has. Only the master can mend it. */
import * as Effect from "effect/Effect"
import { observe } from "../../agent/state.ts"
import { counted } from "../../domain/humanize.ts"
import { type Thing, thingsIn } from "../../domain/topology/observed.ts"
import { AppliedTopology, type Expected, type Remembered } from "../../services/AppliedTopology.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { elsewhere, word } from "../shell.ts"

const MOST_NAMED = 5

const list = (names: ReadonlyArray<string>): string =>
  names.length > MOST_NAMED
    ? `${names.slice(0, MOST_NAMED).join(", ")} and ${names.length - MOST_NAMED} more`
    : names.join(", ")

const differences = (expected: Expected, things: ReadonlyArray<Thing>): ReadonlyArray<string> => {
  const wanted = [...expected.bridges, ...expected.containers]
  const there = new Set(things.map(({ name }) => name))
  const missing = wanted.filter((name) => !there.has(name))
  const extra = things.map(({ name }) => name).filter((name) => !wanted.includes(name))
  const still = things.filter(({ kind, state }) => kind === "decky" && state !== "running").map(({ name }) => name)
  return [
    ...(missing.length === 0 ? [] : [`missing: ${list(missing)}`]),
    ...(extra.length === 0 ? [] : [`there, and not of it: ${list(extra)}`]),
    ...(still.length === 0 ? [] : [`not running: ${list(still)}`])
  ]
}

const NOTHING: Expected = { bridges: [], containers: [] }

/** `things`: of ours in the engine; in words, why they cannot be told. */
export const judgeDrift = (
  { last_error, topology_id }: Remembered,
  expected: Expected | undefined,
  things: ReadonlyArray<Thing> | string,
  hostId: string
): Finding => {
  const mend = elsewhere("the master", `sudo cis490-receiver topology show ${word(hostId)}`)
  if (last_error !== null) return red(`${topology_id ?? "nothing"} is not applied: ${last_error}`, mend)
  if (typeof things === "string") return yellow("cannot be told while the engine cannot be asked", mend)
  if (topology_id === null) {
    const left = differences(NOTHING, things)
    return left.length === 0 ? green("nothing is applied, nothing is there") : yellow(left.join("; "), mend)
  }
  if (expected === undefined) return yellow(`what ${topology_id} should have cannot be read from the memory`, mend)
  const found = differences(expected, things)
  return found.length === 0
    ? green(`${topology_id} is as it was applied: ${counted(things.length, "object")}`)
    : red(`${topology_id} is not as it was applied; ${found.join("; ")}`, mend)
}

export const lookAtDrift = Effect.fnUntraced(function* (hostId: string) {
  const { asRoot } = yield* Ourselves
  const memory = yield* AppliedTopology
  const found = yield* Effect.result(Effect.all([memory.read, memory.expected]))
  if (found._tag === "Failure") return [red(found.failure.message, asRoot("state"))]
  const [remembered, expected] = found.success
  return [judgeDrift(remembered, expected, thingsIn(yield* observe) ?? [], hostId)]
})
