/** Makes a topology real, because a master asks for it now. Nothing that runs without being asked imports this. */
import * as Effect from "effect/Effect"
import { digestText } from "../digestText.ts"
import { AppliedTopology } from "../services/AppliedTopology.ts"
import { Engine, type EngineTrouble } from "../services/Engine.ts"
import { wordsOf } from "../systemError.ts"
import { carryOut, StepFailed } from "./carryOut.ts"
import { unfit } from "./fit.ts"
import { Host } from "./host.ts"
import { hostRoutes } from "./hostRoutes.ts"
import { memoryUnavailable, nowSeconds, shortened, unlessOlder } from "./memory.ts"
import type { ApplyOrder } from "./order.ts"
import { type Found, isNothing, type Plan, planFor } from "./plan.ts"
import { invalid, otherTopology } from "./problems.ts"
import { isEmpty, look, namesOf, remainderOf, removeAll } from "./remainder.ts"

interface Survey {
  readonly found: Found
  readonly plan: Plan
}

const survey = Effect.fnUntraced(function* (order: ApplyOrder) {
  const { hostId } = yield* Host
  const found = yield* look
  return { found, plan: planFor(order.hydrated, found, hostId, yield* digestText) } satisfies Survey as Survey
})

const missingImages = Effect.fnUntraced(function* ({ createContainers }: Plan) {
  const engine = yield* Engine
  const images = [...new Set(createContainers.map(({ decky }) => decky.image))]
  const missing = yield* Effect.filter(images, (image) => Effect.map(engine.hasImage(image), (there) => !there))
  return missing.map((image) => `the engine has no image ${image}, and none is fetched`)
})

/** Everything that keeps it from being run here, each in words. */
const faultsOf = Effect.fnUntraced(function* (order: ApplyOrder, { found, plan }: Survey) {
  const { hostId } = yield* Host
  return [...unfit(order.hydrated, found, yield* hostRoutes, hostId), ...(yield* missingImages(plan))]
})

const cannotTell = ({ message }: EngineTrouble) =>
  Effect.succeed(`what is left of it cannot be told, for the engine cannot be asked: ${message}`)

/** Takes away what was not there before, and says what is left then. */
const undo = Effect.fnUntraced(function* (topologyId: string, before: Found) {
  const known = new Set([...before.networks, ...before.containers].map(({ id }) => id))
  const isNew = ({ id }: { readonly id: string }) => !known.has(id)
  const now = yield* remainderOf(topologyId)
  yield* removeAll({ networks: now.networks.filter(isNew), containers: now.containers.filter(isNew) })
  const left = yield* remainderOf(topologyId)
  return isEmpty(left) ? "nothing of it is left" : `left of it: ${namesOf(left)}`
}, Effect.catch(cannotTell))

/** Fails in words, with what is left. */
const change = Effect.fnUntraced(function* (order: ApplyOrder, { found, plan }: Survey) {
  yield* carryOut(plan).pipe(
    Effect.catch(({ message }) =>
      Effect.flatMap(undo(order.topologyId, found), (left) =>
        Effect.fail(new StepFailed({ message: `${message}; ${left}` }))
      )
    )
  )
})

const inWords = (trouble: EngineTrouble) =>
  new StepFailed({ message: `looking at what is there: ${trouble.message}; nothing was changed` })

/** From the first call to the engine on. Gives what keeps the topology from being run here; nothing was changed then. */
const materialise = Effect.fnUntraced(function* (order: ApplyOrder) {
  const surveyed = yield* Effect.mapError(survey(order), inWords)
  const faults = yield* faultsOf(order, surveyed).pipe(
    Effect.catchTags({
      EngineTrouble: (trouble) => Effect.fail(inWords(trouble)),
      PlatformError: (error) =>
        Effect.fail(new StepFailed({ message: `reading this host's routes: ${wordsOf(error)}; nothing was changed` }))
    })
  )
  if (faults.length === 0) yield* change(order, surveyed)
  return faults
})

/** Whether all of it is there and runs; where that cannot be told, it is found out on the way. */
const stands = (order: ApplyOrder) =>
  Effect.match(survey(order), { onFailure: () => false, onSuccess: ({ plan }) => isNothing(plan) })

/** Makes it real, or leaves the reason in the memory. */
const begin = Effect.fnUntraced(function* (order: ApplyOrder) {
  const memory = yield* AppliedTopology
  const { takeBack } = yield* memory.begin({
    topologyId: order.topologyId,
    hydratedJson: JSON.stringify(order.hydrated),
    generation: order.generation,
    at: yield* nowSeconds,
    lastError: "applying"
  })
  // A crash from here on leaves an empty hash and "applying", until the master asks again.
  const faults = yield* materialise(order).pipe(
    Effect.catch(
      Effect.fnUntraced(function* ({ message }: StepFailed) {
        const error = shortened(message)
        yield* memory.settle({ versionHash: "", lastError: error, at: yield* nowSeconds })
        return yield* Effect.fail({ problem: "apply-failed", error } as const)
      })
    )
  )
  if (faults.length > 0) {
    yield* takeBack
    return yield* Effect.fail(invalid(faults))
  }
  yield* memory.settle({ versionHash: order.versionHash, lastError: null, at: yield* nowSeconds })
})

/** Gives what is remembered then. */
export const apply = Effect.fnUntraced(
  function* (order: ApplyOrder) {
    const memory = yield* AppliedTopology
    const before = yield* memory.read
    yield* unlessOlder(before, order.generation)
    if (before.topology_id !== null && before.topology_id !== order.topologyId) {
      return yield* Effect.fail(otherTopology(before.topology_id, order.topologyId))
    }
    const again = before.applied_version_hash === order.versionHash
    if (again && (yield* stands(order))) yield* memory.raise(order.generation)
    else yield* begin(order)
    return yield* memory.read
  },
  Effect.catchTag("MemoryTrouble", (trouble) => Effect.fail(memoryUnavailable(trouble)))
)
