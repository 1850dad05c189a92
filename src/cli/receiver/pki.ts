import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { relative } from "../../domain/humanize.ts"
import { formatTime } from "../../domain/time.ts"
import { find, hold, initialize } from "../../receiver/pki/authority.ts"
import { type Entry, list } from "../../receiver/pki/list.ts"
import { revoke } from "../../receiver/pki/revoke.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { days, inDirectory, pki } from "./pki/directory.ts"
import { issueCommand } from "./pki/issue.ts"

const initCommand = Command.make("init", { days: days(3650) }, ({ days }) =>
  inDirectory(
    Effect.fnUntraced(function* (directory: string) {
      const { paths, until } = yield* initialize(directory, days)
      yield* Console.log(
        [
          `made an authority in ${directory}, valid until ${formatTime(until)}`,
          `its key, ${paths.key}, lets whoever has it write as any host: keep a copy of it where it is safe, and nowhere else`,
          "next: cis490-receiver pki issue --server NAME, then cis490-receiver pki issue HOST"
        ].join("\n")
      )
    })
  )
).pipe(Command.withDescription("Make an authority for a lab that has none"))

const HEAD = ["NAME", "FOR", "STATE", "EXPIRES", "SERIAL"]

const cells = ({ kind, name, serial, state, until }: Entry, now: number): ReadonlyArray<string> => [
  name,
  kind,
  state,
  relative(until, now),
  serial
]

const listCommand = Command.make("list", { json }, (flags) =>
  inDirectory(
    Effect.fnUntraced(function* (directory: string) {
      const { paths, until } = yield* find(directory)
      const entries = yield* list(paths)
      if (flags.json) {
        const issued = entries.map(({ until, ...entry }) => ({ ...entry, expires_at: formatTime(until) }))
        return yield* printJson({ authority: { expires_at: formatTime(until) }, issued })
      }
      const now = yield* Clock.currentTimeMillis
      yield* Console.log(
        entries.length === 0 ? "nothing was issued yet" : table([HEAD, ...entries.map((entry) => cells(entry, now))])
      )
      yield* Console.log(`the authority itself is valid until ${formatTime(until)}`)
    })
  )
).pipe(Command.withDescription("Show everything that was issued, and until when it is valid"))

const revokeCommand = Command.make(
  "revoke",
  { name: Argument.String("NAME").pipe(Argument.withDescription("A host, a server, or one serial number")) },
  ({ name }) =>
    inDirectory(
      Effect.fnUntraced(function* (directory: string) {
        const held = yield* hold(directory)
        const revoked = yield* revoke(held, name)
        yield* Console.log(
          [
            ...revoked.map(({ name, serial }) => `revoked ${name}, serial ${serial}`),
            `the receiver reads ${held.paths.revocations} by itself where tls.client_crl names it`
          ].join("\n")
        )
      })
    )
).pipe(Command.withDescription("Take back what was issued under a name"))

export const pkiCommand = pki.pipe(
  Command.withSubcommands([initCommand, issueCommand, listCommand, revokeCommand]),
  Command.withDescription("A small certificate authority, for mutual TLS in labs that have none")
)
