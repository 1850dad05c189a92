import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isPlatformError, type PlatformError } from "effect/PlatformError"
import { isHostId } from "../../domain/names.ts"
import { formatTime } from "../../domain/time.ts"
import { find, type Held, hold, initialize, type PkiRefused } from "../../receiver/pki/authority.ts"
import { issue, receiverLines, subjectName } from "../../receiver/pki/issue.ts"
import type { Holder } from "../../receiver/pki/layout.ts"
import { type Entry, list } from "../../receiver/pki/list.ts"
import { revoke } from "../../receiver/pki/revoke.ts"
import type { AuthorityUnusable, SubjectName } from "../../services/Authority.ts"
import type { NotPem } from "../../services/Certificates.ts"
import type { LockHeld } from "../../services/Volume.ts"
import { wordsOf } from "../../systemError.ts"
import { attention, UsageError } from "../exit.ts"
import { relative } from "../humanize.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"

const DEFAULT_DIRECTORY = "/var/lib/cis490-receiver/pki"

const pki = Command.make("pki").pipe(
  Command.withSharedFlags({
    dir: Flag.Path("dir").pipe(
      Flag.withDescription(`Where the authority is, its key included (${DEFAULT_DIRECTORY})`),
      Flag.filter(
        (path) => path.startsWith("/"),
        () => "an absolute path"
      ),
      Flag.withDefault(DEFAULT_DIRECTORY)
    )
  })
)

const days = (fallback: number) =>
  Flag.Int("days").pipe(
    Flag.withDescription(`How long it is valid (${fallback})`),
    Flag.filter(
      (days) => days >= 1 && days <= 36_500,
      () => "1 to 36500"
    ),
    Flag.withDefault(fallback)
  )

type Failure = PkiRefused | AuthorityUnusable | NotPem | LockHeld | PlatformError

/** What cannot be done is said in words. */
const inWords = (directory: string) => (error: Failure) => {
  if (isPlatformError(error)) return attention(wordsOf(error))
  switch (error._tag) {
    case "LockHeld":
      return attention(`another \`cis490-receiver pki\` is at work in ${directory}: pid ${error.pid ?? "unknown"}`)
    case "NotPem":
      return attention(`the authority in ${directory} cannot be used: a certificate ${error.why}`)
    case "AuthorityUnusable":
      return attention(`the authority in ${directory} cannot be used: ${error.message}`)
    case "PkiRefused":
      return attention(error.message)
  }
}

const inDirectory = <A, R>(work: (directory: string) => Effect.Effect<A, Failure, R>) =>
  Effect.gen(function* () {
    const { dir } = yield* pki
    const directory = dir.replace(/(?<=.)\/+$/, "")
    return yield* work(directory).pipe(Effect.scoped, Effect.catch(inWords(directory)))
  })

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

const issueCommand = Command.make(
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
