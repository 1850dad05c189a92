/** From the settings to what the agent stands on. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Auth from "../../agent/auth.ts"
import { Pulse } from "../../agent/heartbeat.ts"
import { Host } from "../../agent/host.ts"
import { Master } from "../../agent/Master.ts"
import * as Turn from "../../agent/turn.ts"
import { certificatesOf, tokenOf } from "../../agent/ways.ts"
import type { AgentSettings } from "../../domain/agentSettings.ts"
import { version } from "../../domain/version.ts"
import { AppliedTopologies } from "../../services/AppliedTopology.ts"
import { Engines } from "../../services/Engine.ts"
import { Transport } from "../../services/Transport.ts"
import { layerServer } from "../serve.ts"

export const layerHost = ({ agent, host_id }: AgentSettings) =>
  Layer.succeed(Host, { hostId: host_id, version, directory: agent.dir })

export const layerMemory = ({ agent }: AgentSettings) =>
  Layer.unwrap(Effect.map(AppliedTopologies, (memories) => memories.in(agent.dir)))

export const layerEngine = ({ docker }: AgentSettings) =>
  Layer.unwrap(Effect.map(Engines, (engines) => engines.at(docker.socket)))

export const layerMaster = ({ master }: AgentSettings) =>
  Layer.merge(
    Layer.effect(
      Master,
      Effect.map(Effect.context<FileSystem.FileSystem>(), (context) => ({
        url: master.url,
        token: Effect.provideContext(tokenOf(master), context)
      }))
    ),
    Layer.effect(
      HttpClient.HttpClient,
      Effect.flatMap(Transport, (transport) => transport.client(master))
    )
  )

/** Everything. `token`: what the master has to show. */
export const layerAgent = (settings: AgentSettings, token: Effect.Effect<Redacted.Redacted | undefined>) =>
  Layer.mergeAll(
    layerServer(settings),
    layerMemory(settings),
    layerEngine(settings),
    layerMaster(settings),
    Auth.layer({ token, certificates: certificatesOf(settings) }),
    Turn.layer,
    Layer.succeed(Pulse, { intervalSeconds: settings.heartbeat_interval_s })
  ).pipe(Layer.provideMerge(layerHost(settings)))
