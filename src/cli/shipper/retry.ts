import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { retry } from "../../shipper/operator/retry.ts"
import { json } from "../json.ts"
import { all, exactlyOne, names } from "./flags.ts"
import { printReport } from "./print.ts"
import { onHost } from "./root.ts"

const flags = {
  ids: names("ID", "Episodes that a conflict holds, or that changed too often"),
  all: all("Every episode that a conflict holds"),
  json
}

export const retryCommand = Command.make(
  "retry",
  flags,
  Effect.fnUntraced(function* ({ ids, all, json }) {
    yield* exactlyOne({ ID: ids.length > 0, "--all": all })
    const report = yield* onHost(() => retry(all ? "all" : ids))
    yield* printReport(report, { json, line: (id) => `episodes/${id} goes with the next pass`, verb: "released" })
  })
).pipe(
  Command.withDescription("Send episodes again that a conflict holds, or that changed too often"),
  Command.withExamples([
    { command: "cis490-shipper retry 01JD3Z8Q", description: "After the receiver's copy was set aside" }
  ])
)
