/** What one pass knows while it runs: its counts, what its answers have in common, and whether it must stop. */
import type { Commit, EpisodeId } from "../domain/names.ts"
import type { Verdict } from "../domain/verdict.ts"
import type { LinkClosed } from "./Link.ts"

/** What became of the episodes looked at. */
export interface Counts {
  scanned: number
  shipped: number
  transient_failures: number
  conflicts: number
  fatal: number
}

/**
 * What became of one episode. One that is not finished, that must wait or that vanished meanwhile is counted nowhere; one under
 * suspicion when the pass knows more.
 */
export type Outcome = Exclude<keyof Counts, "scanned"> | "notReady" | "vanished" | "suspect"
export const outcome = (what: Outcome): Outcome => what

/** The receiver, the way to it or this host is the problem, not the episode. */
export interface Stop {
  readonly error: string
  /** The receiver's; 0 where nothing answered. */
  readonly status: number
  /** Seconds, when the other side said so. */
  readonly retryAfter: number | undefined
}

/** An episode that came to its third digest mismatch in a row: its own fault, unless the next one comes to the same. */
export interface Suspect {
  readonly id: EpisodeId
  readonly status: number
  readonly error: string
  /** The receiver's answer, whole. */
  readonly body: unknown
  readonly commit: Commit | undefined
}

export interface Run {
  readonly counts: Counts
  stop: Stop | undefined
  /** When somebody heard of it first, on the clock that only goes on. Nanoseconds. */
  stoppedAt: bigint | undefined
  /** An upload that got on made way. */
  handedBack: boolean
  /** Nothing may be sent any more, for a time. */
  closed: LinkClosed | undefined
  /** Different episodes that met trouble one after the other; an answer that is the receiver's own judgement ends the row. */
  readonly row: Set<string>
  suspect: Suspect | undefined
  /** All that came to their third mismatch, in this pass or earlier ones, since something arrived whole. */
  readonly suspects: Set<string>
  /** Remediations already said. */
  readonly said: Set<string>
  lastShipped: EpisodeId | undefined
  /** What was refused or held last, in words. */
  lastTrouble: string | undefined
  /** When a success was last noted for `status`, milliseconds since 1970. */
  notedAt: number
}

export const newRun = (suspects: Iterable<string>): Run => ({
  counts: { scanned: 0, shipped: 0, transient_failures: 0, conflicts: 0, fatal: 0 },
  stop: undefined,
  stoppedAt: undefined,
  handedBack: false,
  closed: undefined,
  row: new Set(),
  suspect: undefined,
  suspects: new Set(suspects),
  said: new Set(),
  lastShipped: undefined,
  lastTrouble: undefined,
  notedAt: 0
})

const ROW_LIMIT = 3

const uncounted: ReadonlySet<Outcome> = new Set(["notReady", "vanished"])

export const count = (counts: Counts, what: Outcome): void => {
  if (uncounted.has(what)) return
  counts.scanned++
  if (what === "shipped" || what === "transient_failures" || what === "conflicts" || what === "fatal") counts[what]++
}

/** Notes a trouble that may be the receiver's, the link's or the host's: three different episodes running end the pass. */
export const meetTrouble = (run: Run, id: string, stop: Stop): void => {
  run.row.add(id)
  if (run.row.size >= ROW_LIMIT) run.stop ??= stop
}

/** What a verdict that settled nothing means for the pass. */
export const meetVerdict = (
  run: Run,
  id: string,
  verdict: Extract<Verdict, { _tag: "Transient" | "NotLetIn" }>
): void => {
  const { error, status } = verdict
  const stop: Stop = { error, status, retryAfter: verdict._tag === "Transient" ? verdict.retryAfter : undefined }
  const reach = verdict._tag === "NotLetIn" ? "pass" : verdict.reach
  if (reach === "pass") run.stop ??= stop
  if (reach === "three-running") meetTrouble(run, id, stop)
  if (reach === "episode") run.row.clear()
}
