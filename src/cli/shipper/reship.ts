import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { parseTime } from "../../domain/time.ts"
import { reship } from "../../shipper/operator/reship.ts"
import { all, exactlyOne, json, names } from "./flags.ts"
import { printReport } from "./print.ts"
import { onHost } from "./root.ts"

const flags = {
  ids: names("ID", "Names in shipped/"),
  since: Flag.String("since").pipe(
    Flag.withMetavar("TIME"),
    Flag.filterMap(parseTime, (text) => `${JSON.stringify(text)} is neither YYYY-MM-DD nor like 2025-11-21T02:30:00Z`),
    Flag.withDescription("Everything shipped at this time or later, UTC unless it says otherwise"),
    Flag.optional
  ),
  all: all("Everything in shipped/"),
  json
}

export const reshipCommand = Command.make("reship", flags, (input) =>
  onHost(
    Effect.fnUntraced(function* () {
      yield* exactlyOne({ ID: input.ids.length > 0, "--since TIME": Option.isSome(input.since), "--all": input.all })
      const wanted = input.ids.length > 0 ? { names: input.ids } : { since: Option.getOrUndefined(input.since) }
      yield* printReport(yield* reship(wanted), {
        json: input.json,
        line: ({ name, episode_id }) => `shipped/${name} -> episodes/${episode_id}`,
        verb: "to be sent again:"
      })
    })
  )
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
