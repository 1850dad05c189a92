/** What the master does next about one host: nothing, wait, or tell its agent. */
import type { Outcome } from "../../domain/topology/answer.ts"
import type { Wanted } from "../../domain/topology/drift.ts"
import { type Command, plan } from "../../domain/topology/plan.ts"
import type { TopologyState } from "../../domain/topology/wire.ts"
import type { Standing } from "./order.ts"

/** What an agent reported since this master was started; only that moves it to anything. */
export interface Heard {
  readonly topology: TopologyState | null
  /** Counts the reports. */
  readonly serial: number
}

/** What came of the last time the agent was told. */
export interface Told {
  readonly generation: number
  /** The last report that was heard before the answer: it says nothing of what the telling has changed. */
  readonly serial: number
  readonly outcome: Outcome["_tag"]
}

export interface Knowledge {
  readonly standing: Standing | undefined
  readonly heard: Heard | undefined
  readonly told: Told | undefined
  /** Not to be told again before. Milliseconds of a clock that never goes back. */
  readonly notBefore: number
}

export type Step =
  /** Until something is heard or ordered. */
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Wait"; readonly millis: number }
  | { readonly _tag: "Tell"; readonly commands: ReadonlyArray<Command> }

const idle: Step = { _tag: "Idle" }

/** The generation that the agent has obeyed, where it is above ours: what we say counts for nothing there. */
export const supersededBy = (
  { order }: Pick<Standing, "order">,
  topology: TopologyState | null | undefined
): number | undefined => {
  const generation = topology?.generation ?? 0
  return generation > order.generation ? generation : undefined
}

/** What has to be heard anew before it makes sense to tell again. */
const awaitsReport: { readonly [T in Outcome["_tag"]]: boolean } = {
  Done: true,
  Occupied: true,
  Superseded: true,
  Refused: false,
  Failed: false,
  Unreached: false
}

/** It was said that our generation is too low: only a report that names a generation can say otherwise. */
const staysSuperseded = (told: Told, { topology }: Heard): boolean =>
  told.outcome === "Superseded" && (topology?.generation ?? undefined) === undefined

/**
 * Whether it runs what is wanted and has not learnt of this order, which changed nothing there: an older master would still be obeyed.
 * Told once, and once per report to an agent that cannot be reached.
 */
const lags = ({ order }: Standing, { serial, topology }: Heard, told: Told | undefined): boolean => {
  if ((topology?.generation ?? order.generation) >= order.generation) return false
  return told?.generation !== order.generation || (told.outcome === "Unreached" && serial > told.serial)
}

/** What mends the drift; where there is none, the same topology again to an agent that lags behind. */
const commandsFor = (
  standing: Standing,
  wanted: Wanted,
  heard: Heard,
  told: Told | undefined
): ReadonlyArray<Command> => {
  const commands = plan(wanted, heard.topology)
  if (commands.length > 0 || wanted._tag === "Nothing" || !lags(standing, heard, told)) return commands
  return [{ _tag: "Apply", hydrated: wanted.hydrated, versionHash: wanted.versionHash }]
}

/** `now` in the milliseconds of `notBefore`. */
export const next = ({ heard, notBefore, standing, told }: Knowledge, now: number): Step => {
  if (standing?.wanted === undefined || heard === undefined) return idle
  if (supersededBy(standing, heard.topology) !== undefined) return idle
  const commands = commandsFor(standing, standing.wanted, heard, told)
  if (commands.length === 0) return idle
  if (told?.generation === standing.order.generation) {
    if (awaitsReport[told.outcome] && heard.serial <= told.serial) return idle
    if (staysSuperseded(told, heard)) return idle
  }
  return now < notBefore ? { _tag: "Wait", millis: notBefore - now } : { _tag: "Tell", commands }
}
