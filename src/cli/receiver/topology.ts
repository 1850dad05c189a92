import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { parseForeignJson } from "../../domain/json.ts"
import { type HostId, isHostId } from "../../domain/names.ts"
import { header, path } from "../../domain/protocol.ts"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import { decodeHydrated, type Hydrated } from "../../domain/topology/hydrated.ts"
import { wordsOf } from "../../systemError.ts"
import { attention, UsageError } from "../exit.ts"
import { printJson } from "../json.ts"
import { askReceiver } from "./askReceiver.ts"
import { withSettings } from "./root.ts"

const host = Argument.String("HOST").pipe(Argument.withDescription("A host of [fleet.<host_id>]"))

const takeOver = Flag.Boolean("take-over").pipe(
  Flag.withDescription("Count above whatever generation the agent has obeyed, also another master's"),
  Flag.withDefault(false)
)

const hostIdOf = (name: string): Effect.Effect<HostId, UsageError> =>
  isHostId(name)
    ? Effect.succeed(name)
    : Effect.fail(new UsageError({ message: `${JSON.stringify(name)} is no host_id` }))

/** Read and looked at here, so that what is wrong is said of the file; as who runs the program, so before it acts as another user. */
const readTopology = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.catch(fs.readFileString(file), (error) => attention(wordsOf(error)))
  const document = parseForeignJson(text)
  if (document === undefined) return yield* attention(`${file} is no JSON`)
  const decoded = decodeHydrated(document)
  return Result.isFailure(decoded)
    ? yield* attention(
        [`${file} is no topology that could be run:`, ...decoded.failure.map((fault) => `  ${fault}`)].join("\n")
      )
    : decoded.success
})

const member = (body: unknown, name: string): unknown => (Predicate.hasProperty(body, name) ? body[name] : undefined)

const order = Effect.fnUntraced(function* (
  settings: ReceiverSettings,
  hostId: HostId,
  document: Hydrated | null,
  above: boolean
) {
  const answer = yield* askReceiver(settings, (url) =>
    HttpClientRequest.put(`${url}${path.topology(hostId)}`).pipe(
      HttpClientRequest.bodyJsonUnsafe(document),
      HttpClientRequest.setHeaders(above ? { [header.takeOver]: "true" } : {})
    )
  )
  const superseded = member(answer, "superseded_by")
  yield* Console.log(
    `${hostId} is to run ${document?.topology.id ?? "nothing"}: generation ${String(member(answer, "generation"))}`
  )
  if (superseded === null || superseded === undefined) return
  return yield* attention(
    `its agent has obeyed generation ${String(superseded)}, of another master or of this one before it forgot, and is told nothing: say it again with --take-over if this master is to have the say there`
  )
})

const set = Command.make(
  "set",
  { host, file: Argument.File("FILE").pipe(Argument.withDescription("The topology, as JSON")), takeOver },
  (given) =>
    Effect.gen(function* () {
      const hostId = yield* hostIdOf(given.host)
      const document = yield* readTopology(given.file)
      yield* withSettings((settings) => order(settings, hostId, document, given.takeOver))
    })
).pipe(
  Command.withDescription("Say what a host should run"),
  Command.withExamples([
    { command: "cis490-receiver topology set lab-01 topology.json", description: "Its agent is told at once" }
  ])
)

const clear = Command.make("clear", { host, takeOver }, (given) =>
  withSettings((settings) =>
    Effect.flatMap(hostIdOf(given.host), (hostId) => order(settings, hostId, null, given.takeOver))
  )
).pipe(
  Command.withDescription("Say that a host should run nothing"),
  Command.withExamples([
    { command: "cis490-receiver topology clear lab-01", description: "Its agent takes down what runs" }
  ])
)

const show = Command.make("show", { host }, (given) =>
  withSettings((settings) =>
    Effect.gen(function* () {
      const hostId = yield* hostIdOf(given.host)
      yield* printJson(yield* askReceiver(settings, (url) => HttpClientRequest.get(`${url}${path.topology(hostId)}`)))
    })
  )
).pipe(
  Command.withDescription("Show what a host should run"),
  Command.withExamples([{ command: "cis490-receiver topology show lab-01", description: "As JSON" }])
)

export const topologyCommand = Command.make("topology").pipe(
  Command.withDescription("Say what a host should run; the receiver has to be running"),
  Command.withSubcommands([set, clear, show])
)
