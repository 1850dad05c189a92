import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { topologyState } from "../../agent/state.ts"
import { checksWith, checksWithout } from "../../doctor/agent.ts"
import { asJson, commonParts, partsOf } from "../../doctor/bundle.ts"
import { Ourselves, ourselves } from "../../doctor/ourselves.ts"
import { AgentSettings } from "../../domain/agentSettings.ts"
import { type Flags, lookAtConfig, report } from "../doctorReport.ts"
import { DEFAULT_CONFIG, root, withOtherName } from "./root.ts"
import { layerEngine, layerHost, layerMemory } from "./services.ts"

/** Of the bundle: what is remembered, and what is there. */
const parts = partsOf([...commonParts, { name: "state.json", read: Effect.map(topologyState, asJson) }])

const lookAtAll = Effect.fnUntraced(function* (flags: Flags) {
  const config = yield* withOtherName(lookAtConfig(AgentSettings))
  const { settings } = config
  if (settings === undefined) return yield* report(flags, { config, checks: checksWithout, parts: commonParts })
  return yield* Effect.gen(function* () {
    yield* report(flags, { config, checks: yield* checksWith(settings), parts })
  }).pipe(Effect.provide(Layer.mergeAll(layerHost(settings), layerMemory(settings), layerEngine(settings))))
})

export const doctor = Effect.fnUntraced(function* (flags: Flags) {
  const { config } = yield* root
  return yield* Effect.provideService(
    lookAtAll(flags),
    Ourselves,
    ourselves("cis490-agent", config, config === DEFAULT_CONFIG)
  )
})
