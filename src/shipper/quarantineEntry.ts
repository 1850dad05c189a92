import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Reason, type ReasonName } from "../domain/reason.ts"
import { DAY_MILLIS, formatTime } from "../domain/time.ts"
import { orMissing } from "../presence.ts"
import { Volume } from "../services/Volume.ts"
import { isAcknowledged } from "./acknowledgement.ts"
import { Layout, REASON_FILE } from "./layout.ts"
import { type Reading, readJson } from "./readJson.ts"

/** An entry of `quarantine/` as it is reported. What its reason file does not say, or not legibly, is null. */
export interface QuarantineEntry {
  readonly name: string
  readonly episode_id: string | null
  readonly reason: ReasonName | null
  readonly status_code: number | null
  readonly error: string
  /** RFC 3339, UTC: the later of `quarantined_at_wall` and the directory's mtime. Its age counts from here. */
  readonly quarantined_at: string
  readonly acked: boolean
  /** RFC 3339, UTC; null where entries are kept for ever. */
  readonly deleted_at: string | null
}

/** Counts also where the rest of the reason cannot be understood: an entry is never deleted before its time. */
const Stamp = Schema.Struct({ quarantined_at_wall: Schema.String })

const millisOf = (wall: string): number =>
  Option.match(DateTime.make(wall), { onNone: () => Number.NEGATIVE_INFINITY, onSome: DateTime.toEpochMillis })

const reasonWords = (reading: Reading<Reason>): string =>
  reading._tag === "Read"
    ? reading.value.error
    : reading._tag === "Missing"
      ? `there is no ${REASON_FILE}`
      : `${REASON_FILE} cannot be understood: ${reading.why}`

/** Reads one entry; `undefined` when it is gone. `keepDays` is `retention.quarantine_keep_days`, 0 = for ever. */
export const readEntry = Effect.fnUntraced(function* (name: string, keepDays: number) {
  const volume = yield* Volume
  const path = (yield* Layout).quarantined(name)
  const inspection = yield* orMissing(volume.inspect(path))
  if (inspection === undefined) return undefined
  const isDirectory = inspection.type === "Directory"
  const reading: Reading<Reason> = isDirectory ? yield* readJson(`${path}/${REASON_FILE}`, Reason) : { _tag: "Missing" }
  const reason = reading._tag === "Read" ? reading.value : undefined
  const changed = Number(inspection.mtimeNs / 1_000_000n)
  const stamp = isDirectory ? yield* readJson(`${path}/${REASON_FILE}`, Stamp) : reading
  const since = Math.max(changed, stamp._tag === "Read" ? millisOf(stamp.value.quarantined_at_wall) : changed)
  const quarantined_at = formatTime(since)
  const entry: QuarantineEntry = {
    name,
    episode_id: reason?.episode_id ?? null,
    reason: reason?.reason ?? null,
    status_code: reason?.status_code ?? null,
    error: isDirectory ? reasonWords(reading) : "this is not a directory",
    quarantined_at,
    acked: yield* isAcknowledged(name, quarantined_at),
    deleted_at: keepDays === 0 ? null : formatTime(since + keepDays * DAY_MILLIS)
  }
  return entry
})
