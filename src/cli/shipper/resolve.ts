import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isEpisodeId } from "../../domain/names.ts"
import { forEachName } from "../../shipper/operator/report.ts"
import { keepStored as keepTheStored, renameTo } from "../../shipper/operator/resolve.ts"
import { json } from "../json.ts"
import { exactlyOne } from "./flags.ts"
import { printReport } from "./print.ts"
import { onHost } from "./root.ts"

const flags = {
  id: Argument.String("ID").pipe(Argument.withDescription("An episode that a conflict holds")),
  keepStored: Flag.Boolean("keep-stored").pipe(
    Flag.withDescription("The receiver's copy stands; this host's goes to quarantine/"),
    Flag.withDefault(false)
  ),
  as: Flag.String("as").pipe(
    Flag.withMetavar("NEW_ID"),
    Flag.filter(isEpisodeId, () => 'an episode id: 1 to 128 letters, digits, ".", "_" or "-", a letter or digit first'),
    Flag.withDescription("Keep both: send this host's copy under another id"),
    Flag.optional
  ),
  json
}

export const resolveCommand = Command.make(
  "resolve",
  flags,
  Effect.fnUntraced(function* ({ id, keepStored, as, json }) {
    yield* exactlyOne({ "--keep-stored": keepStored, "--as NEW_ID": Option.isSome(as) })
    const resolve = (id: string) =>
      Option.match(as, {
        onNone: () => Effect.map(keepTheStored(id), (name) => ({ episode_id: id, moved_to: `quarantine/${name}` })),
        onSome: (newId) => Effect.map(renameTo(id, newId), (name) => ({ episode_id: id, moved_to: `episodes/${name}` }))
      })
    const report = yield* onHost(() => forEachName([id], resolve))
    yield* printReport(report, {
      json,
      line: ({ episode_id, moved_to }) => `episodes/${episode_id} -> ${moved_to}`,
      verb: "resolved"
    })
  })
).pipe(
  Command.withDescription("End a conflict: the receiver has other content under the same id"),
  Command.withExamples([
    { command: "cis490-shipper resolve 01JD3Z8Q --keep-stored", description: "The stored copy is the right one" },
    { command: "cis490-shipper resolve 01JD3Z8Q --as 01JD3Z8Q-b", description: "Both are wanted" }
  ])
)
