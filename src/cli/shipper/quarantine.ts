import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { counted, duration, size } from "../../domain/humanize.ts"
import type { ShipperSettings } from "../../domain/shipperSettings.ts"
import { DAY_MILLIS, parseTime } from "../../domain/time.ts"
import {
  acknowledgeEntries,
  type ListedEntry,
  listQuarantine,
  purge
} from "../../shipper/operator/quarantineEntries.ts"
import type { Report } from "../../shipper/operator/report.ts"
import { Attention } from "../exit.ts"
import { json, printJson } from "../json.ts"
import { plain, table } from "../table.ts"
import { printReport } from "./print.ts"
import { onHost } from "./root.ts"

const entries = Argument.String("NAME").pipe(
  Argument.withDescription("Names in quarantine/, as quarantine list shows them"),
  Argument.variadic({ min: 1 })
)

const list = Command.make("list", { json }, (flags) =>
  onHost(
    Effect.fnUntraced(function* (settings: ShipperSettings) {
      const report = yield* listQuarantine({ keepDays: settings.retention.quarantine_keep_days })
      yield* flags.json ? printJson(report) : printList(report, yield* Clock.currentTimeMillis)
      if (report.failed.length > 0) return yield* new Attention()
    })
  )
).pipe(
  Command.withDescription("Show what is in quarantine/, why, and when it will be deleted"),
  Command.withExamples([{ command: "cis490-shipper quarantine list", description: "What was refused, and why" }])
)

const ack = Command.make("ack", { entries, json }, (input) =>
  onHost(
    Effect.fnUntraced(function* () {
      yield* printReport(yield* acknowledgeEntries(input.entries), {
        json: input.json,
        line: (name) => `${name} acknowledged`,
        verb: "acknowledged"
      })
    })
  )
).pipe(
  Command.withDescription("Say that entries have been seen and may go when their days are over"),
  Command.withExamples([
    { command: "cis490-shipper quarantine ack 01JD3Z8Q", description: "It may go when its days are over" }
  ])
)

const purgeCommand = Command.make("purge", { entries, json }, (input) =>
  onHost(
    Effect.fnUntraced(function* () {
      yield* printReport(yield* purge(input.entries), {
        json: input.json,
        line: (name) => `${name} deleted`,
        verb: "deleted"
      })
    })
  )
).pipe(
  Command.withDescription("Delete entries now and for good; no other copy of them may exist"),
  Command.withExamples([{ command: "cis490-shipper quarantine purge 01JD3Z8Q", description: "Delete one entry" }])
)

export const quarantineCommand = Command.make("quarantine").pipe(
  Command.withDescription("List, acknowledge or delete episodes that were refused for good"),
  Command.withSubcommands([list, ack, purgeCommand]),
  Command.withExamples([{ command: "cis490-shipper quarantine list", description: "What was refused, and why" }])
)

const millis = (time: string | null, or: number): number =>
  Option.getOrElse(Option.flatMap(Option.fromNullOr(time), parseTime), () => or)

/** Days to the deletion, the last one in hours. */
const inDays = (left: number): string => {
  const days = Math.round(left / DAY_MILLIS)
  return left <= 0 ? "due" : days > 1 ? `in ${days} d` : `in ${duration(left)}`
}

const printList = Effect.fnUntraced(function* ({ done, failed }: Report<ListedEntry>, now: number) {
  const rows = done.map((entry) => [
    entry.name,
    `${entry.reason ?? "unknown"}${entry.status_code ? ` (${entry.status_code})` : ""}`,
    duration(now - millis(entry.quarantined_at, now)),
    size(entry.bytes),
    [
      entry.deleted_at === null ? "kept" : inDays(millis(entry.deleted_at, now) - now),
      ...(entry.acked ? ["acknowledged"] : [])
    ].join(", ")
  ])
  yield* Console.log(
    rows.length === 0 ? "quarantine/ is empty" : table([["NAME", "REASON", "AGE", "SIZE", "DELETED"], ...rows])
  )
  for (const error of new Set(done.map((entry) => entry.error))) {
    const count = done.filter((entry) => entry.error === error).length
    yield* Console.log(`\n${counted(count, "entry", "entries")}: ${plain(error)}`)
  }
  for (const { name, error } of failed) yield* Console.error(plain(`${name}: ${error}`))
})
