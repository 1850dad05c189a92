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
import { wordsOf } from "../systemError.ts"
import * as Unsynced from "../unsynced.ts"
import { Layout } from "./layout.ts"

/** `state/calendar.json`; milliseconds, since 1970 where they are times. */
const Calendar = Schema.Struct({
  /** Of the last recorded pass. */
  passed_at: Schema.Finite,
  /** Of the last cleaning. */
  cleaned_at: Schema.Finite,
  /** When all of `shipped/` was last pruned for space and the disk stayed too full. */
  crowded_at: Schema.optionalKey(Schema.Finite),
  /** When pruning for space last ended for want of the receiver's word; 0 when it did not. */
  unheard_at: Schema.optionalKey(Schema.Finite),
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

/** `undefined` on a fresh host, `"garbage"` when it cannot be understood. */
const read = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const text = yield* orMissing(fs.readFileString(yield* calendarPath))
  return text === undefined ? undefined : Option.getOrElse(decode(text), () => "garbage" as const)
})

const write = Effect.fnUntraced(function* (calendar: Calendar) {
  yield* Unsynced.replace(yield* calendarPath, yield* Effect.orDie(encode(calendar)))
})

/**
 * What the calendar becomes when a pass begins at `now`. Time between two recorded passes, up to a day, counts as running. One that
 * cannot be understood vouches for no clock: as after a leap.
 */
export const advance = (before: Calendar | "garbage" | undefined, now: number): Calendar => {
  if (before === undefined) return { passed_at: now, cleaned_at: 0, wait_left: 0 }
  if (before === "garbage") return { passed_at: now, cleaned_at: 0, wait_left: DAY_MILLIS }
  const moved = now - before.passed_at
  const wait_left =
    moved > DAY_MILLIS ? DAY_MILLIS : Math.min(Math.max(0, before.wait_left - Math.max(0, moved)), DAY_MILLIS)
  return { ...before, passed_at: now, wait_left }
}

/** Records that a pass begins. */
export const turnPage = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  const before = yield* read
  const after = advance(before, now)
  const known = before === undefined || before === "garbage" ? undefined : before
  if (after.wait_left > (known?.wait_left ?? 0)) {
    yield* Effect.logWarning(
      "the clock moved more than a day further than the last pass explains: nothing is cleaned or pruned for 24 h of running"
    )
  }
  if (known === undefined || Math.abs(now - known.passed_at) >= RECORD_MILLIS) yield* write(after)
})

/** Runs `clean` when the interval (seconds) is over and the clock can be trusted, and notes that it was done. */
export const whenDue = Effect.fnUntraced(function* <E, R>(intervalSeconds: number, clean: Effect.Effect<void, E, R>) {
  const now = yield* Clock.currentTimeMillis
  const calendar = advance(yield* read, now)
  const since = now - calendar.cleaned_at
  if (calendar.wait_left > 0 || (since >= 0 && since < intervalSeconds * 1000)) return
  yield* clean
  yield* write({ ...calendar, cleaned_at: now })
})

/** Room on the disk: there is enough, nothing is left to prune, or nobody says what may be. */
export type Room = "enough" | "too little" | "no word"

/** A receiver that gave no word is asked again as soon. */
const UNHEARD_MILLIS = 300_000

/**
 * Makes room of what was retired `since` then (milliseconds since 1970). When all was asked about, and that was too little, there is no
 * point in asking for the same again within the interval (seconds), but what was retired since may help.
 */
export const whenCrowded = Effect.fnUntraced(function* <E, R>(
  intervalSeconds: number,
  makeRoom: (since: number) => Effect.Effect<Room, E, R>
) {
  const now = yield* Clock.currentTimeMillis
  const calendar = advance(yield* read, now)
  const { crowded_at = 0, unheard_at = 0 } = calendar
  const interval = intervalSeconds * 1000
  const isWithin = (millis: number, at: number) => now >= at && now - at < millis
  if (isWithin(Math.min(interval, UNHEARD_MILLIS), unheard_at)) return
  const since = isWithin(interval, crowded_at) ? crowded_at : 0
  const room = yield* makeRoom(since)
  const after = {
    crowded_at: room === "too little" && since === 0 ? now : crowded_at,
    unheard_at: room === "no word" ? now : 0
  }
  if (after.crowded_at === crowded_at && after.unheard_at === unheard_at) return
  // On a disk that is full: what else is cleaned makes the room to write it down.
  yield* Effect.catch(write({ ...calendar, ...after }), (error) =>
    Effect.logWarning(`cannot be noted: ${wordsOf(error)}`)
  )
})
