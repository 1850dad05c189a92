/** How long the oldest episode waits, and what lies about that is no episode. */
import type * as DateTime from "effect/DateTime"
import { counted, duration } from "../../domain/humanize.ts"
import { closedWords, openFor, opensAt, rateAt, type Timetable } from "../../domain/timetable.ts"
import type { Paths } from "../../shipper/layout.ts"
import { ahead } from "../ahead.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { word, words } from "../shell.ts"
import { type Episodes, oldestOf } from "./episodes.ts"

const LONG_MILLIS = 3_600_000
const TOO_LONG_MILLIS = 24 * LONG_MILLIS

/** When something may be sent. */
export interface Line {
  readonly timetable: Timetable
  readonly zone: DateTime.TimeZone
}

export interface BacklogMends {
  /** Opens the configuration. */
  readonly edit: string
  /** Sends what waits, now. */
  readonly send: string
}

/** The time for which the timetable let nothing through does not count, unless it never lets anything through. */
const heldUp = ({ timetable, zone }: Line, since: number, now: number): number =>
  opensAt(timetable, zone, now) === undefined ? now - since : openFor(timetable, zone, since, now)

export const judgeBacklog = (
  { left, waiting }: Episodes,
  now: number,
  line: Line,
  { edit, send }: BacklogMends
): Finding => {
  const oldest = oldestOf(waiting)
  const unseen = left === 0 ? "" : `, ${left} more not looked at`
  if (oldest === undefined) return green(`nothing waits${unseen}`)
  const age = now - oldest.since
  const isClosed = rateAt(line.timetable, line.zone, now) === 0
  const closed = isClosed ? `; ${closedWords(line.timetable, line.zone, now)}` : ""
  const mend = isClosed ? edit : send
  const found = `${counted(waiting.length, "episode")} waiting${unseen}; the oldest, ${oldest.id}, for ${duration(age)}${closed}`
  const held = heldUp(line, oldest.since, now)
  if (held >= TOO_LONG_MILLIS) return red(found, mend)
  if (held >= LONG_MILLIS) return yellow(found, mend)
  return (
    ahead(age, `${counted(waiting.length, "episode")} waiting${unseen}; the time of the oldest, ${oldest.id},`) ??
    green(found)
  )
}

const SHOWN = 5

/** They are moved to `strays/` beside `episodes/`, where nothing is lost. */
export const judgeNames = (
  strays: ReadonlyArray<string>,
  { episodes, root }: Pick<Paths, "episodes" | "root">
): Finding => {
  if (strays.length === 0) return green("only episodes")
  const shown = strays.slice(0, SHOWN)
  const more = strays.length > shown.length ? ` and ${strays.length - shown.length} more` : ""
  const quoted = shown.map((name) => JSON.stringify(name)).join(", ")
  return yellow(
    `${counted(strays.length, "name")} that ${strays.length === 1 ? "is no episode" : "are no episodes"}: ${quoted}${more}; never touched by the shipper`,
    `sudo mkdir -p ${word(`${root}/strays`)} && sudo mv --backup=numbered -t ${words([`${root}/strays`, "--", ...shown.map((name) => `${episodes}/${name}`)])}`
  )
}
