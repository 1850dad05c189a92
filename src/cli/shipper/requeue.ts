import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ReasonName } from "../../domain/reason.ts"
import { requeue } from "../../shipper/operator/requeue.ts"
import { UsageError } from "../exit.ts"
import { json } from "../json.ts"
import { all, exactlyOne, names } from "./flags.ts"
import { printReport } from "./print.ts"
import { onHost } from "./root.ts"

const flags = {
  names: names("NAME", "Names in quarantine/, as quarantine list shows them"),
  all: all("Every entry"),
  reason: Flag.Literals("reason", ReasonName.literals).pipe(
    Flag.withDescription("With --all: only what is there for this reason"),
    Flag.optional
  ),
  json
}

export const requeueCommand = Command.make(
  "requeue",
  flags,
  Effect.fnUntraced(function* ({ names, all, reason, json }) {
    yield* exactlyOne({ NAME: names.length > 0, "--all": all })
    if (!all && Option.isSome(reason)) {
      return yield* new UsageError({ message: "--reason goes with --all, not with names" })
    }
    const report = yield* onHost(() => requeue(all ? { reason: Option.getOrUndefined(reason) } : { names }))
    yield* printReport(report, {
      json,
      line: ({ name, episode_id }) => `quarantine/${name} -> episodes/${episode_id}`,
      verb: "requeued"
    })
  })
).pipe(
  Command.withDescription("Send quarantined episodes again, once what was wrong has been mended"),
  Command.withExamples([
    { command: "cis490-shipper requeue 01JD3Z8Q", description: "One entry" },
    { command: "cis490-shipper requeue --all --reason too_large", description: "After the limit was raised" }
  ])
)
