import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { relative, size } from "../../domain/humanize.ts"
import type { ShipperSettings } from "../../domain/shipperSettings.ts"
import { parseTime } from "../../domain/time.ts"
import { type Bulk, type Status, status } from "../../shipper/operator/status.ts"
import { transferWords } from "../../shipper/standing.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { type LinkNow, linkNow } from "./link.ts"
import { onHost } from "./root.ts"

export const statusCommand = Command.make("status", { json }, (flags) =>
  onHost(
    Effect.fnUntraced(function* (settings: ShipperSettings) {
      const found = { ...(yield* status), link: yield* linkNow(settings) }
      if (flags.json) return yield* printJson(found)
      yield* Console.log(formatStatus(found, yield* Clock.currentTimeMillis))
    })
  )
).pipe(
  Command.withDescription("Show what lies where on this host, and how shipping went last"),
  Command.withExamples([
    { command: "cis490-shipper status", description: "See how many episodes wait, and since when" },
    { command: "cis490-shipper status --json", description: "The same for a script" }
  ])
)

/** The others are in the JSON. */
const HELD_SHOWN = 10

const bulk = (name: string, { count, bytes }: Bulk) => [name, String(count), size(bytes)]

const ago = (at: string | undefined, now: number): string =>
  Option.match(Option.flatMap(Option.fromUndefinedOr(at), parseTime), {
    onNone: () => "never",
    onSome: (millis) => relative(millis, now)
  })

const daemonWords = (daemon: Status["daemon"]): string =>
  [daemon.running ? "running" : "not running", ...(daemon.pid === null ? [] : [`pid ${daemon.pid}`])].join(", ")

const formatStatus = (found: Status & { readonly link: LinkNow }, now: number): string => {
  const { episodes, quarantine, oldest_waiting } = found
  const reasons = Object.entries(quarantine).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const amounts = table(
    [
      bulk("ready", episodes.ready),
      bulk("recording", episodes.recording),
      bulk("held by a conflict", episodes.held),
      bulk("outbox", found.outbox),
      bulk("shipped", found.shipped),
      ...reasons.map(([reason, amount]) => bulk(`quarantine: ${reason}`, amount)),
      ...(reasons.length === 0 ? [["quarantine", "0", "0 B"]] : []),
      ...(found.stray_names === 0 ? [] : [["stray names in episodes/", String(found.stray_names)]])
    ],
    { right: [1] }
  )
  const words = [
    ["daemon", daemonWords(found.daemon)],
    ["link", found.link.words],
    [
      "oldest waiting",
      oldest_waiting === null ? "none" : `${oldest_waiting.episode_id}, ready ${ago(oldest_waiting.since, now)}`
    ],
    ["last success", [ago(found.last_success_at, now), found.last_success_episode].filter(Boolean).join(", ")],
    ["last error", [ago(found.last_error_at, now), found.last_error].filter(Boolean).join(": ")]
  ]
  const flying = found.in_flight.map((transfer) => ["in flight", transferWords(transfer)])
  const held = found.conflicts.slice(0, HELD_SHOWN).map((id) => ["held", id])
  const mends = [
    ...(held.length === 0 ? [] : [["to mend", "cis490-shipper resolve ID --keep-stored, or --as NEW_ID"]]),
    ...(reasons.length === 0 ? [] : [["to mend", "cis490-shipper quarantine list, then requeue NAME"]])
  ]
  return `${amounts}\n\n${table([...flying, ...words, ...held, ...mends])}`
}
