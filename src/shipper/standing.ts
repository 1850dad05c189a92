/** How shipping stands, in one line that is worth reading: for `systemctl status`. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { duration, size } from "../domain/humanize.ts"
import { Notify } from "../services/Notify.ts"
import type { LastWords } from "./lastWords.ts"
import { readLastWords } from "./lastWords.ts"
import { Progress } from "./Progress.ts"
import type { PassResult } from "./pass.ts"
import { type Figures, figures } from "./transfers.ts"

const localDay = Effect.map(DateTime.nowInCurrentZone, DateTime.formatIsoDate)

/** A local day begins with one of these in UTC, everywhere: within it, the day's name need not be asked for again. */
const QUARTER_MILLIS = 15 * 60_000

/** The count of this day. */
const today = Effect.gen(function* () {
  const progress = yield* Progress
  const quarter = Math.floor((yield* Clock.currentTimeMillis) / QUARTER_MILLIS)
  if (quarter !== progress.shippedOn.quarter) {
    const day = yield* localDay
    const { shippedOn } = progress
    progress.shippedOn = { day, quarter, count: shippedOn.day === day ? shippedOn.count : 0 }
  }
  return progress.shippedOn
})

/** Counts one more for today. */
export const countShipped = Effect.map(today, (counted) => void counted.count++)

/** `E1 45 % of 500.0 MiB, 1.2 MiB/s, 3 min 50 s left`. */
export const transferWords = ({ bytes, bytes_per_second, episode_id, seconds_left, sent_bytes }: Figures): string =>
  [
    `${episode_id} ${Math.floor((100 * sent_bytes) / Math.max(bytes, 1))} % of ${size(bytes)}`,
    ...(sent_bytes === 0 ? [] : [`${size(bytes_per_second)}/s`]),
    ...(seconds_left === undefined ? [] : [`${duration(seconds_left * 1000)} left`])
  ].join(", ")

const SHOWN = 2

/** The largest of them; the others are in `status`. */
export const transfersWords = (transfers: ReadonlyArray<Figures>): string =>
  [
    ...transfers.slice(0, SHOWN).map(transferWords),
    ...(transfers.length > SHOWN ? [`${transfers.length - SHOWN} more`] : [])
  ].join(" | ")

/** What the line is made of. */
export interface Standing {
  /** RFC 3339, UTC, as all times in it. */
  readonly at: string
  /** The last pass, if one has ended. */
  readonly result: Pick<PassResult, "counts" | "left" | "stop" | "closed"> | undefined
  readonly transfers: ReadonlyArray<Figures>
  readonly today: number
  readonly last: LastWords
}

const LONGEST_TROUBLE = 200

const troubleWords = ({ last, result }: Standing): ReadonlyArray<string> => {
  if (result?.stop !== undefined) return [`stopped: ${result.stop.error.slice(0, LONGEST_TROUBLE)}`]
  if (result?.closed !== undefined) return [result.closed.why.words]
  return last.last_error === undefined || last.last_error_at === undefined
    ? []
    : [`last trouble ${last.last_error_at}: ${last.last_error.slice(0, LONGEST_TROUBLE)}`]
}

const successWords = ({ last_success_at, last_success_episode }: LastWords): ReadonlyArray<string> =>
  last_success_at === undefined ? [] : [`last ${last_success_episode ?? "one"} at ${last_success_at}`]

export const formatStanding = (standing: Standing): string => {
  const { at, last, result, today, transfers } = standing
  const conflicts = result?.counts.conflicts ?? 0
  return [
    `${at} ${transfers.length === 0 ? "nothing in flight" : `in flight: ${transfersWords(transfers)}`}`,
    ...(result === undefined ? [] : [`${result.left} in episodes/`]),
    ...(conflicts === 0 ? [] : [`${conflicts} in conflict`]),
    `${today} shipped today`,
    ...successWords(last),
    ...troubleWords(standing)
  ].join("; ")
}

const noSeconds = (iso: string): string => iso.replace(/\.\d+Z$/, "Z")

const standing = Effect.fnUntraced(function* (result: Standing["result"]) {
  const { last_error_at, last_success_at, ...last } = Option.getOrElse(
    yield* Effect.option(readLastWords),
    (): LastWords => ({})
  )
  return formatStanding({
    at: noSeconds(DateTime.formatIso(yield* DateTime.now)),
    result,
    transfers: yield* figures,
    today: (yield* today).count,
    last: {
      ...last,
      ...(last_error_at !== undefined && { last_error_at: noSeconds(last_error_at) }),
      ...(last_success_at !== undefined && { last_success_at: noSeconds(last_success_at) })
    }
  })
})

/** Tells the service manager how it stands: after every pass, and whenever somebody says so. */
export const makeTeller = Effect.gen(function* () {
  const notify = yield* Notify
  let last: Standing["result"]
  const tell = Effect.suspend(() => standing(last)).pipe(Effect.flatMap((line) => notify.send(`STATUS=${line}`)))
  return {
    tell,
    passed: (result: PassResult) =>
      Effect.suspend(() => {
        last = result
        return tell
      })
  }
})
export type Teller = Effect.Success<typeof makeTeller>
