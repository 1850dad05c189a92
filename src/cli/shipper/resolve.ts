import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { keepStored, renameTo } from "../../shipper/operator/resolve.ts"
import { attention } from "../exit.ts"
import { exactlyOne } from "./flags.ts"
import { onHost } from "./root.ts"

const flags = {
  id: Argument.String("ID").pipe(Argument.withDescription("An episode that a conflict holds")),
  keepStored: Flag.Boolean("keep-stored").pipe(
    Flag.withDescription("The receiver's copy stands; this host's goes to quarantine/"),
    Flag.withDefault(false)
  ),
  as: Flag.String("as").pipe(
    Flag.withMetavar("NEW_ID"),
    Flag.withDescription("Keep both: send this host's copy under another id"),
    Flag.optional
  )
}

export const resolveCommand = Command.make("resolve", flags, (input) =>
  onHost(
    Effect.fnUntraced(function* () {
      yield* exactlyOne({ "--keep-stored": input.keepStored, "--as NEW_ID": Option.isSome(input.as) })
      const done = Option.match(input.as, {
        onNone: () => Effect.map(keepStored(input.id), (name) => `quarantine/${name}`),
        onSome: (newId) => Effect.map(renameTo(input.id, newId), (id) => `episodes/${id}`)
      })
      yield* done.pipe(
        Effect.flatMap((place) => Console.log(`episodes/${input.id} -> ${place}`)),
        Effect.catchTag("Refused", (refused) => attention(refused.message))
      )
    })
  )
).pipe(
  Command.withDescription("End a conflict: the receiver has other content under the same id"),
  Command.withExamples([
    { command: "cis490-shipper resolve 01JD3Z8Q --keep-stored", description: "The stored copy is the right one" },
    { command: "cis490-shipper resolve 01JD3Z8Q --as 01JD3Z8Q-b", description: "Both are wanted" }
  ])
)
