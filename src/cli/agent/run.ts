import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { heartbeats } from "../../agent/heartbeat.ts"
import * as Routes from "../../agent/routes.ts"
import { sayStanding } from "../../agent/state.ts"
import { watchdog } from "../../agent/watchdog.ts"
import { followedToken, mayListen } from "../../agent/ways.ts"
import type { AgentSettings } from "../../domain/agentSettings.ts"
import * as Durable from "../../durable.ts"
import { Notify } from "../../services/Notify.ts"
import { wordsOf } from "../../systemError.ts"
import { attention, configurationFault } from "../exit.ts"
import { addressWords } from "../serve.ts"
import { withSettings } from "./root.ts"
import { layerAgent } from "./services.ts"

/** Serves until it is interrupted. */
const serve = Effect.gen(function* () {
  const notify = yield* Notify
  const { address } = yield* HttpServer
  yield* notify.send("READY=1")
  // It is said, and that is all that is done with what is remembered.
  const remembered = yield* sayStanding
  yield* Effect.logInfo("listening").pipe(Effect.annotateLogs({ address: addressWords(address), remembered }))
  yield* Effect.all([heartbeats, watchdog, Effect.never], { concurrency: "unbounded", discard: true })
}).pipe(
  Effect.onInterrupt(() =>
    Effect.andThen(
      Effect.flatMap(Notify, (notify) => notify.send("STOPPING=1")),
      Effect.logInfo("stopping")
    )
  )
)

const sayExceptions = Effect.fnUntraced(function* ({ master, tls }: AgentSettings) {
  if (!master.verify_tls) {
    yield* Effect.logError(
      "master.verify_tls = false: the master's certificate is not checked, so whoever is on the way can pose as the master and read this host's token"
    ).pipe(Effect.annotateLogs({ mend: "set master.ca_bundle, and take verify_tls out of agent.toml" }))
  }
  if (tls.client_ca !== undefined && tls.client_names === undefined) {
    yield* Effect.logWarning(
      "whoever has a certificate of an authority in tls.client_ca may give orders here, another lab host too"
    ).pipe(Effect.annotateLogs({ mend: "set tls.client_names in agent.toml to the master's name" }))
  }
})

const prepare = ({ agent }: AgentSettings) =>
  Effect.catch(Durable.makeDirectory(agent.dir), (error) =>
    configurationFault(`agent.dir ${agent.dir} cannot be used: ${wordsOf(error)}. Make it writable for this user.`)
  )

export const runCommand = Command.make("run", {}, () =>
  withSettings(
    Effect.fnUntraced(function* (settings: AgentSettings) {
      const fault = mayListen(settings)
      if (fault !== undefined) return yield* configurationFault(fault)
      // A token file that is set and cannot be read keeps the agent from opening without it.
      const token = yield* Effect.catch(followedToken(settings), ({ message }) => configurationFault(message))
      yield* prepare(settings)
      yield* sayExceptions(settings)
      return yield* serve.pipe(
        Effect.provide(Layer.provideMerge(Routes.layer, layerAgent(settings, token))),
        Effect.catchTag("ListenFailed", ({ message }) => attention(message)),
        Effect.catchTag("TlsUnusable", ({ message }) => configurationFault(message))
      )
    })
  )
).pipe(
  Command.withDescription("Obey the master and report to it, until stopped"),
  Command.withExamples([{ command: "cis490-agent run", description: "What the systemd unit starts" }])
)
