/** What is said of the share of the line that the episodes may take. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { rate } from "../../domain/humanize.ts"
import { type ShipperSettings, timetableOf } from "../../domain/shipperSettings.ts"
import { formatTime } from "../../domain/time.ts"
import { clockTime, closedWords, isUnlimited, opensAt, rateAt, type Window } from "../../domain/timetable.ts"

const rateWords = (bytesPerSecond: number): string => {
  if (bytesPerSecond === 0) return "nothing is sent"
  return bytesPerSecond === Infinity ? "no limit" : `at most ${rate(bytesPerSecond)}`
}

const windowWords = ({ days, from, rate, to }: Window): string =>
  `${days.length === 7 ? "daily" : days.join(" ")} ${clockTime(from)} to ${clockTime(to)}: ${rateWords(rate)}`

/** Said once, at the start; nothing where nothing is limited. */
export const sayLink = Effect.fnUntraced(function* ({ shipper }: ShipperSettings) {
  const timetable = timetableOf(shipper)
  if (isUnlimited(timetable)) return
  const { rate, windows } = timetable
  const zone = yield* DateTime.CurrentTimeZone
  yield* Effect.logInfo(
    `the link is shared: ${rateWords(rate)}${windows.length === 0 ? "" : " outside of the windows"}`
  ).pipe(
    Effect.annotateLogs({
      order: shipper.order,
      ...(windows.length > 0 && { windows: windows.map(windowWords).join("; "), zone: DateTime.zoneToString(zone) })
    })
  )
})

/** What may be sent now. */
export interface LinkNow {
  /** Null where there is no limit. */
  readonly bytes_per_second: number | null
  /** While nothing may be sent: when something may (RFC 3339, UTC), null where that is not within a week; else absent. */
  readonly opens_at?: string | null
  readonly words: string
}

export const linkNow = Effect.fnUntraced(function* ({ shipper }: ShipperSettings) {
  const timetable = timetableOf(shipper)
  const zone = yield* DateTime.CurrentTimeZone
  const now = yield* Clock.currentTimeMillis
  const rate = rateAt(timetable, zone, now)
  if (rate > 0) return { bytes_per_second: rate === Infinity ? null : rate, words: rateWords(rate) } satisfies LinkNow
  const opening = opensAt(timetable, zone, now)
  return {
    bytes_per_second: 0,
    opens_at: opening === undefined ? null : formatTime(opening),
    words: closedWords(timetable, zone, now)
  } satisfies LinkNow
})
