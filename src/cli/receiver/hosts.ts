import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type HostRow, readHosts } from "../../receiver/hosts.ts"
import { relative, size } from "../humanize.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { hostsDirectory, withSettings } from "./root.ts"

const HEAD = ["host", "last seen", "commit", "waiting", "quarantined", "conflicts", "free"]

const known = (value: number | null | undefined): string =>
  value === undefined || value === null ? "?" : String(value)

const cells = ({ host_id, instances, said, seen_at }: HostRow, now: number): ReadonlyArray<string> => [
  host_id,
  Option.match(DateTime.make(seen_at), {
    onNone: () => "?",
    onSome: (at) => relative(DateTime.toEpochMillis(at), now)
  }),
  said.commit?.slice(0, 12) ?? "?",
  known(said.waiting),
  known(said.quarantined),
  known(said.conflicts),
  `${said.free_bytes === undefined || said.free_bytes === null ? "?" : size(said.free_bytes)}${instances.length > 1 ? `  (${instances.length} machines use this name)` : ""}`
]

export const hostsCommand = Command.make("hosts", { json }, (flags) =>
  withSettings((settings) =>
    Effect.gen(function* () {
      const rows = yield* readHosts(hostsDirectory(settings))
      if (flags.json) return yield* printJson(rows)
      const now = yield* Clock.currentTimeMillis
      yield* Console.log(
        rows.length === 0 ? "no host has checked in yet" : table([HEAD, ...rows.map((row) => cells(row, now))])
      )
    })
  )
).pipe(
  Command.withDescription("Show what every host said when it last checked in"),
  Command.withExamples([{ command: "cis490-receiver hosts", description: "Who is quiet, who has a backlog" }])
)
