import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { parseTime } from "../../domain/time.ts"
import { reship } from "../../shipper/operator/reship.ts"
import { json } from "../json.ts"
import { all, exactlyOne, names } from "./flags.ts"
import { printReport } from "./print.ts"
import { onHost } from "./root.ts"

const flags = {
  ids: names("ID", "Names in shipped/"),
  since: Flag.String("since").pipe(
    Flag.withMetavar("TIME"),
    Flag.filterMap(parseTime, () => "a day like 2025-11-21 or a time like 2025-11-21T02:30:00Z"),
    Flag.withDescription("Everything shipped at this time or later, UTC unless it says otherwise"),
    Flag.optional
  ),
  all: all("Everything in shipped/"),
  json
}

export const reshipCommand = Command.make(
  "reship",
  flags,
  Effect.fnUntraced(function* ({ ids, since, all, json }) {
    yield* exactlyOne({ ID: ids.length > 0, "--since TIME": Option.isSome(since), "--all": all })
    const named = ids.length > 0
    const report = yield* onHost(() => reship(named ? { names: ids } : { since: Option.getOrUndefined(since) }))
    yield* printReport(report, {
      json,
      line: ({ name, episode_id }) => `shipped/${name} -> episodes/${episode_id}`,
      verb: "to be sent again:"
    })
  })
).pipe(
  Command.withDescription("Send episodes again that were shipped, when the receiver has lost them"),
  Command.withExamples([
    {
      command: "cis490-shipper reship --since 2025-11-20",
      description: "After the receiver was restored from a backup"
    },
    { command: "cis490-shipper reship 01JD3Z8Q", description: "One episode that verify reported" }
  ])
)
