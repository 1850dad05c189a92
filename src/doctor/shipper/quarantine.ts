/** What was refused for good, by reason, and how long it will still be there. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { counted, duration } from "../../domain/humanize.ts"
import type { ReasonName } from "../../domain/reason.ts"
import { parseTime } from "../../domain/time.ts"
import { orMissing } from "../../presence.ts"
import { Layout } from "../../shipper/layout.ts"
import { type QuarantineEntry, readEntry } from "../../shipper/quarantineEntry.ts"
import { Ourselves } from "../ourselves.ts"
import { about, type Finding, green, red, yellow } from "../row.ts"
import { words } from "../shell.ts"

type Why = ReasonName | "unknown"
export type Entry = Pick<QuarantineEntry, "name" | "reason" | "error" | "acked" | "deleted_at">

const DAY_MILLIS = 86_400_000
const NEAR_MILLIS = 7 * DAY_MILLIS

/** What can become of an entry: the receiver may take it another time, or it would be refused again as it is. */
const mendable: Readonly<Record<Why, boolean>> = {
  bad_request: false,
  out_of_window: false,
  too_large: true,
  refused: true,
  damaged: true,
  conflict: false,
  invalid_archive: false,
  unpackable: false,
  unstamped: false,
  unknown: false
}

const NAMED = 10

type Command = (args: string) => string

const requeue = (why: Why, names: ReadonlyArray<string>, command: Command): string =>
  command(why === "unknown" ? `requeue ${words(names)}` : `requeue --all --reason ${why}`)

const leftOf = ({ deleted_at }: Entry, now: number): number =>
  Option.getOrElse(Option.flatMap(Option.fromNullOr(deleted_at), parseTime), () => Number.POSITIVE_INFINITY) - now

/** Entries that are there for one reason: at least one. */
export const judgeReason = (why: Why, entries: ReadonlyArray<Entry>, now: number, command: Command): Finding => {
  const unseen = entries.filter(({ acked }) => !acked)
  const near = entries.filter((entry) => leftOf(entry, now) < NEAR_MILLIS)
  const [first] = near.toSorted((a, b) => leftOf(a, now) - leftOf(b, now))
  const said = (entries.find(({ acked }) => !acked) ?? entries[0])?.error ?? ""
  const many = `${counted(entries.length, "entry", "entries")}: ${said}`
  if (first !== undefined) {
    const left = leftOf(first, now)
    const when = left <= 0 ? "now" : `in ${duration(left)}`
    return red(
      `${near.length} of ${many}; ${first.name} will be deleted ${when}`,
      requeue(
        why,
        near.slice(0, NAMED).map(({ name }) => name),
        command
      )
    )
  }
  if (unseen.length === 0) return green(`${many} (acknowledged)`)
  const names = unseen.slice(0, NAMED).map(({ name }) => name)
  return yellow(many, mendable[why] ? requeue(why, names, command) : command(`quarantine ack ${words(names)}`))
}

export const judgeQuarantine = (
  entries: ReadonlyArray<Entry>,
  now: number,
  command: Command
): ReadonlyArray<Finding> => {
  if (entries.length === 0) return [green("empty")]
  const byReason = Map.groupBy(entries, ({ reason }): Why => reason ?? "unknown")
  return [...byReason]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([why, there]) => about(why, judgeReason(why, there, now, command)))
}

export const readQuarantine = Effect.fnUntraced(function* (keepDays: number) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* orMissing(fs.readDirectory((yield* Layout).quarantine))) ?? []
  const entries = yield* Effect.forEach(names.toSorted(), (name) => readEntry(name, keepDays), { concurrency: 8 })
  return entries.filter((entry) => entry !== undefined)
})

export const lookAtQuarantine = Effect.fnUntraced(function* (keepDays: number) {
  const { command } = yield* Ourselves
  return judgeQuarantine(yield* readQuarantine(keepDays), yield* Clock.currentTimeMillis, command)
})
