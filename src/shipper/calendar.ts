/**
 * Whether the wall clock can be trusted to delete by. A host that wakes up in 2036 would otherwise clean away everything it holds: when
 * the clock has moved more than a day further than the last recorded pass explains, cleaning and pruning wait for 24 h of running.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { orMissing } from "../presence.ts"
import { Layout } from "./layout.ts"

/** `state/calendar.json`; milliseconds, since 1970 where they are times. */
const Calendar = Schema.Struct({
  /** Of the last recorded pass. */
  passed_at: Schema.Finite,
  /** Of the last cleaning. */
  cleaned_at: Schema.Finite,
  /** Running time that cleaning still waits for. */
  wait_left: Schema.Finite
})
type Calendar = typeof Calendar.Type

const json = Schema.fromJsonString(Calendar)
const decode = Schema.decodeUnknownOption(json)
const encode = Schema.encodeEffect(json)

const DAY_MILLIS = 86_400_000
/** The clock is written down this often at most, so that an idle host does not wear its disk. */
const RECORD_MILLIS = 600_000

const calendarPath = Effect.map(Layout, (paths) => `${paths.state}/calendar.json`)

/** A calendar that cannot be understood vouches for no clock: as after a leap. `undefined` on a fresh host. */
const read = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const text = yield* orMissing(fs.readFileString(yield* calendarPath))
  if (text === undefined) return undefined
  const now = yield* Clock.currentTimeMillis
  return Option.getOrElse(decode(text), (): Calendar => ({ passed_at: now, cleaned_at: 0, wait_left: DAY_MILLIS }))
})

const write = Effect.fnUntraced(function* (calendar: Calendar) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* calendarPath
  yield* fs.writeFileString(`${path}.tmp`, yield* Effect.orDie(encode(calendar)), { mode: 0o600 })
  yield* fs.rename(`${path}.tmp`, path)
})

/** What the calendar becomes when a pass begins at `now`. Time between two recorded passes, up to a day, counts as running. */
export const advance = (before: Calendar | undefined, now: number): Calendar => {
  if (before === undefined) return { passed_at: now, cleaned_at: 0, wait_left: 0 }
  const moved = now - before.passed_at
  const wait_left = moved > DAY_MILLIS ? DAY_MILLIS : Math.max(0, before.wait_left - Math.max(0, moved))
  return { ...before, passed_at: now, wait_left }
}

/** Records that a pass begins. */
export const turnPage = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  const before = yield* read
  const after = advance(before, now)
  if (before !== undefined && after.wait_left > before.wait_left) {
    yield* Effect.logWarning(
      "the clock moved more than a day further than the last pass explains: nothing is cleaned or pruned for 24 h of running"
    )
  }
  const unrecorded = before === undefined || before.passed_at === now
  if (unrecorded || Math.abs(now - before.passed_at) >= RECORD_MILLIS) yield* write(after)
})

/** Runs `clean` when the interval (seconds) is over and the clock can be trusted, and notes that it was done. */
export const whenDue = Effect.fnUntraced(function* <E, R>(intervalSeconds: number, clean: Effect.Effect<void, E, R>) {
  const now = yield* Clock.currentTimeMillis
  const calendar = (yield* read) ?? advance(undefined, now)
  const since = now - calendar.cleaned_at
  if (calendar.wait_left > 0 || (since >= 0 && since < intervalSeconds * 1000)) return
  yield* clean
  yield* write({ ...calendar, passed_at: now, cleaned_at: now })
})
