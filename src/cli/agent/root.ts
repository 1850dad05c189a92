import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { isPlatformError, type PlatformError } from "effect/PlatformError"
import { AgentSettings } from "../../domain/agentSettings.ts"
import { Environment } from "../../services/Environment.ts"
import { wordsOf } from "../../systemError.ts"
import { loadWith } from "../config.ts"
import { attention } from "../exit.ts"

export const DEFAULT_CONFIG = "/etc/cis490/agent.toml"

/** The program itself: what every command takes. */
export const root = Command.make("cis490-agent").pipe(
  Command.withSharedFlags({
    config: Flag.File("config").pipe(
      Flag.withDescription(`Configuration of the agent (${DEFAULT_CONFIG})`),
      Flag.withDefault(DEFAULT_CONFIG)
    )
  }),
  Command.withDescription("Materialises the topology that the master asks for, remembers it passively, reports it")
)

/** The older name of the variable that sets `agent.dir`. */
const OTHER_NAME = "DECNET_AGENT_DIR"
const DIRECTORY = "CIS490_AGENT__DIR"

/** With `DECNET_AGENT_DIR` for what sets `agent.dir`, where that is set. */
export const withOtherName = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Environment> =>
  Effect.flatMap(Environment, ({ variables }) => {
    const directory = variables[OTHER_NAME]
    return Effect.provideService(effect, Environment, {
      variables: directory === undefined ? variables : { ...variables, [DIRECTORY]: directory }
    })
  })

const load = loadWith(AgentSettings)

/** Reads the configuration that the command line names. What the disk refuses is said in words. */
export const withSettings = <A, E, R>(work: (settings: AgentSettings) => Effect.Effect<A, E | PlatformError, R>) =>
  Effect.gen(function* () {
    const { config } = yield* root
    return yield* work(yield* withOtherName(load(config)))
  }).pipe(Effect.catchIf(isPlatformError, (error) => attention(wordsOf(error))))
