/** Every call of a journey, made to go wrong in every way, one at a time. */

import { type JourneyName, journeys } from "./journeys.ts"
import type { Call, Fault } from "./kernel/call.ts"
import { type Outcome, run } from "./run.ts"

/** What can become of a call; `mutating`: only worth trying where others can see that it was done. */
const fates = {
  "kill before": { _tag: "Crash", when: "before", how: "kill" },
  "power before": { _tag: "Crash", when: "before", how: "power" },
  "kill after": { _tag: "Crash", when: "after", how: "kill" },
  "power after": { _tag: "Crash", when: "after", how: "power" },
  "not done": { _tag: "Fail", code: "EIO" },
  "done, said to have failed": { _tag: "FailAfter", code: "EIO" }
} as const satisfies Readonly<Record<string, Fault>>
export type FateName = keyof typeof fates

/** Done or not is the same where nothing is changed, and after one call is before the next. */
const WITHOUT_EFFECT: ReadonlyArray<FateName> = ["power before", "not done"]
const ALL = Object.keys(fates) as ReadonlyArray<FateName>

export interface CrashPoint {
  readonly journey: JourneyName
  /** Of all calls of the run, from 0. */
  readonly call: number
  readonly fate: FateName
}

/** Heartbeats and looks that find nothing go on for ever: the journey ends a little after the last change of a name. */
const lastOfJourney = (outcome: Outcome, calls: ReadonlyArray<Call>): number => {
  const moves = calls.findLastIndex(
    ({ method, target }) => ["link", "unlink", "rmdir"].includes(method) && !target.includes("calendar")
  )
  return Math.min(outcome.callsAtRest, moves + 20)
}

/** The calls of a journey in which nothing goes wrong. */
const callsOf = (journey: JourneyName): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  const outcome = run(journeys[journey], { seen: (_, call) => void calls.push(call) })
  if (outcome.broken !== undefined)
    throw new Error(`the journey ${journey} breaks a promise by itself: ${outcome.broken.message}`)
  return calls.slice(0, lastOfJourney(outcome, calls))
}

/** How many calls two journeys have in common from the start. */
const common = (a: ReadonlyArray<Call>, b: ReadonlyArray<Call>): number => {
  const different = a.findIndex(({ method, target }, i) => method !== b[i]?.method || target !== b[i].target)
  return different < 0 ? a.length : different
}

/** Where one journey begins like an earlier one, its calls are not tried again. */
export const crashPointsOf = (names: ReadonlyArray<JourneyName>): ReadonlyArray<CrashPoint> => {
  const earlier: Array<ReadonlyArray<Call>> = []
  return names.flatMap((journey) => {
    const calls = callsOf(journey)
    const known = Math.max(0, ...earlier.map((other) => common(calls, other)))
    earlier.push(calls)
    return calls.flatMap(({ mutates }, call) =>
      call < known ? [] : (mutates ? ALL : WITHOUT_EFFECT).map((fate) => ({ journey, call, fate }))
    )
  })
}

export const runCrashPoint = ({ call, fate, journey }: CrashPoint): Outcome =>
  run(journeys[journey], { seen: (_, __, index) => (index === call ? fates[fate] : undefined) })
