import * as Command from "effect/cli/Command"
import * as Layer from "effect/Layer"
import { agent } from "../src/cli/agent.ts"
import { version } from "../src/domain/version.ts"
import * as AppliedTopology from "./AppliedTopology.ts"
import * as Engine from "./Engine.ts"
import * as Listener from "./Listener.ts"
import { runProgram, services } from "./program.ts"

runProgram(
  "cis490-agent",
  Command.run(agent, { version }),
  Layer.mergeAll(AppliedTopology.layerSqlite, Engine.layerDocker, Listener.layerNode).pipe(Layer.provideMerge(services))
)
