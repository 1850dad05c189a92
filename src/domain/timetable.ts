/** When how much may be sent: decided by what the clock on the wall shows, so that a clock change moves no window. */
import * as DateTime from "effect/DateTime"

/** In the order of `DateTime`'s `weekDay`. */
export const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const
export type Day = (typeof DAYS)[number]

/** Bytes per second. Below it the receiver gives a body up for crawling (1 KiB/s), and what else goes over the line counts too. */
export const LEAST_RATE = 2048

const HOUR = 60
export const MINUTES_OF_DAY = 24 * HOUR
const WEEK = 7 * MINUTES_OF_DAY

/** `from` and `to` in minutes since midnight; `to` before `from` is on the day after. */
export interface Window {
  readonly days: ReadonlyArray<Day>
  readonly from: number
  readonly to: number
  /** Bytes per second; 0 = nothing may be sent, `Infinity` = as much as goes. */
  readonly rate: number
}

export interface Timetable {
  /** Of several that are on, the first one counts. */
  readonly windows: ReadonlyArray<Window>
  /** Outside of all windows, as a window's. */
  readonly rate: number
}

interface WallTime {
  readonly day: number
  readonly minute: number
}

const MINUTE_MILLIS = 60_000

const wallTime = (millis: number, zone: DateTime.TimeZone): WallTime => {
  const { hour, minute, weekDay } = DateTime.toParts(DateTime.makeZonedUnsafe(millis, { timeZone: zone }))
  return { day: weekDay, minute: hour * HOUR + minute }
}

const isOn =
  ({ day, minute }: WallTime) =>
  ({ days, from, to }: Window): boolean => {
    const has = (index: number): boolean => days.some((name) => DAYS[(index + 7) % 7] === name)
    if (from < to) return has(day) && from <= minute && minute < to
    return (has(day) && minute >= from) || (has(day - 1) && minute < to)
  }

/** Bytes per second at a moment (milliseconds since 1970). */
export const rateAt = ({ rate, windows }: Timetable, zone: DateTime.TimeZone, millis: number): number =>
  windows.length === 0 ? rate : (windows.find(isOn(wallTime(millis, zone)))?.rate ?? rate)

/** Whether anything is ever limited. */
export const isUnlimited = ({ rate, windows }: Timetable): boolean => rate === Infinity && windows.length === 0

/** Whether there are times in which nothing may be sent. */
export const everCloses = ({ windows }: Timetable): boolean => windows.some((window) => window.rate === 0)

/** Minutes from one time on the wall to the next at which a window may begin or end. */
const untilBoundary = (windows: ReadonlyArray<Window>, minute: number): number =>
  Math.min(MINUTES_OF_DAY, ...windows.flatMap(({ from, to }) => [from, to]).filter((boundary) => boundary > minute)) -
  minute

/** The first full minute after `millis` at which a window may begin or end. */
const nextBoundary = (windows: ReadonlyArray<Window>, zone: DateTime.TimeZone, millis: number): number => {
  const offset = (at: number): number => DateTime.zonedOffset(DateTime.makeZonedUnsafe(at, { timeZone: zone }))
  const minute = millis - (millis % MINUTE_MILLIS)
  let step = untilBoundary(windows, wallTime(minute, zone).minute)
  // What the clock shows jumps somewhere on the way.
  while (step > 1 && offset(minute + step * MINUTE_MILLIS) !== offset(minute)) step = Math.floor(step / 2)
  return minute + step * MINUTE_MILLIS
}

/**
 * The first moment from `millis` on, to the minute, at which something may be sent; `undefined` when there is none within a week.
 */
export const opensAt = (timetable: Timetable, zone: DateTime.TimeZone, millis: number): number | undefined => {
  const isOpen = (at: number): boolean => rateAt(timetable, zone, at) > 0
  if (isOpen(millis)) return millis
  const end = millis + (WEEK + MINUTES_OF_DAY) * MINUTE_MILLIS
  for (let at = millis; at < end; ) {
    at = nextBoundary(timetable.windows, zone, at)
    if (isOpen(at)) return at
  }
  return undefined
}

/** For how many milliseconds between two moments something could be sent. */
export const openFor = (timetable: Timetable, zone: DateTime.TimeZone, from: number, to: number): number => {
  if (!everCloses(timetable)) return to - from
  let open = 0
  for (let at = from; at < to; ) {
    const next = Math.min(to, nextBoundary(timetable.windows, zone, at))
    if (rateAt(timetable, zone, at) > 0) open += next - at
    at = next
  }
  return open
}

/** `22:00`, of minutes since midnight. */
export const clockTime = (minutes: number): string =>
  [Math.floor(minutes / HOUR), minutes % HOUR].map((part) => String(part).padStart(2, "0")).join(":")

/** `window closed until 22:00`; with the day where that is more than a day away. */
export const closedWords = (timetable: Timetable, zone: DateTime.TimeZone, millis: number): string => {
  const opening = opensAt(timetable, zone, millis)
  if (opening === undefined) return "window closed for more than a week"
  const far = opening - millis > MINUTES_OF_DAY * MINUTE_MILLIS
  const { day, minute } = wallTime(opening, zone)
  return `window closed until ${far ? `${DAYS[day]} ` : ""}${clockTime(minute)}`
}
