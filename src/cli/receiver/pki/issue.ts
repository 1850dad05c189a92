import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isHostId } from "../../../domain/names.ts"
import { formatTime } from "../../../domain/time.ts"
import { type Held, hold } from "../../../receiver/pki/authority.ts"
import { issue, receiverLines, subjectName } from "../../../receiver/pki/issue.ts"
import type { Holder } from "../../../receiver/pki/layout.ts"
import type { SubjectName } from "../../../services/Authority.ts"
import { UsageError } from "../../exit.ts"
import { days, inDirectory } from "./directory.ts"

const issueFlags = {
  host: Argument.String("HOST").pipe(Argument.withDescription("The host_id of a lab host"), Argument.optional),
  server: Flag.String("server").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("For the receiver itself: the name or address in receiver.url; may be given more than once"),
    Flag.filter(
      (name) => subjectName(name) !== undefined,
      (name) => `a name in the DNS, or an address, not ${JSON.stringify(name)}`
    ),
    Flag.atLeast(0)
  ),
  days: days(90)
}

const issueFor = Effect.fnUntraced(function* (
  held: Held,
  holder: Holder,
  names: ReadonlyArray<SubjectName>,
  days: number
) {
  const made = yield* issue(held, holder, names, days)
  yield* Console.log(`issued ${holder.name}: valid until ${formatTime(made.until)}, serial ${made.serial}`)
  return made
})

export const issueCommand = Command.make(
  "issue",
  issueFlags,
  Effect.fnUntraced(function* ({ days, host, server }) {
    const hostId = Option.getOrUndefined(host)
    if ((hostId === undefined) === (server.length === 0)) {
      return yield* new UsageError({ message: "give either HOST or --server NAME" })
    }
    if (hostId !== undefined && !isHostId(hostId)) {
      return yield* new UsageError({
        message: "HOST is a host_id: 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"
      })
    }
    yield* inDirectory(
      Effect.fnUntraced(function* (directory: string) {
        const held = yield* hold(directory)
        if (hostId !== undefined) {
          const { bundle } = yield* issueFor(
            held,
            { kind: "host", name: hostId },
            [{ _tag: "Dns", name: hostId }],
            days
          )
          return yield* Console.log(
            `its bundle is ${bundle}: carry it to the host as lab-host.toml.lines in it says, then delete it here`
          )
        }
        const holder: Holder = { kind: "server", name: server[0] ?? "" }
        yield* issueFor(
          held,
          holder,
          server.map(subjectName).filter((name) => name !== undefined),
          days
        )
        yield* Console.log(
          `lines for receiver.toml; a running receiver takes up what is renewed by itself:\n\n${receiverLines(held, holder)}`
        )
      })
    )
  })
).pipe(
  Command.withDescription("Issue a key and a certificate, or new ones before the old expire"),
  Command.withExamples([
    { command: "cis490-receiver pki issue lab-01", description: "A bundle for a lab host" },
    { command: "cis490-receiver pki issue --server collector.wg", description: "What the receiver shows" }
  ])
)
