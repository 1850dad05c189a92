import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

export const DAY_MILLIS = 86_400_000

/** Filesystems hold times that no date can say (ECMA-262, "Time Values and Time Range"). */
const RANGE_MILLIS = 8.64e15

/** RFC 3339 in UTC of milliseconds since 1970; the nearest there is for one beyond every calendar. */
export const formatTime = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(Math.min(Math.max(millis, -RANGE_MILLIS), RANGE_MILLIS)))

const DATE = /^\d{4}-\d{2}-\d{2}$/
/** RFC 3339, section 5.6. */
const TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

const millisOf = (text: string): Option.Option<number> =>
  Option.map(DateTime.make(text.toUpperCase().replace(" ", "T")), DateTime.toEpochMillis)

/** Dates that no calendar has read as others: `2025-02-30` as the 2nd of March. */
const isOnCalendar = (date: string): boolean =>
  Option.exists(DateTime.make(`${date}T00:00:00Z`), (midnight) => DateTime.formatIso(midnight).startsWith(date))

/** Milliseconds since 1970 of an RFC 3339 time, or of the midnight (UTC) that a `YYYY-MM-DD` begins with. */
export const parseTime = (text: string): Option.Option<number> => {
  if (DATE.test(text)) return isOnCalendar(text) ? millisOf(`${text}T00:00:00Z`) : Option.none()
  const date = TIME.exec(text)?.[1]
  return date !== undefined && isOnCalendar(date) ? millisOf(text) : Option.none()
}
