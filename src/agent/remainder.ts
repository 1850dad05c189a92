/** What of a topology is in the engine, and taking it away. */
import * as Effect from "effect/Effect"
import { Engine, EngineHands, type EngineTrouble } from "../services/Engine.ts"
import { Host } from "./host.ts"
import { belongsTo } from "./ownership.ts"
import type { Found } from "./plan.ts"

/** Everything the engine has, ours and others'. */
export const look: Effect.Effect<Found, EngineTrouble, Engine> = Effect.gen(function* () {
  const engine = yield* Engine
  return { networks: yield* engine.networks, containers: yield* engine.containers }
})

/** What the engine has of a topology of ours. */
export const remainderOf = Effect.fnUntraced(function* (topologyId: string) {
  const { hostId } = yield* Host
  const found = yield* look
  const ours = belongsTo(hostId, topologyId)
  return { networks: found.networks.filter(ours), containers: found.containers.filter(ours) } satisfies Found as Found
})

/** Containers first: a network goes when nobody is on it. Goes on past what cannot be removed, and gives the troubles. */
export const removeAll = Effect.fnUntraced(function* ({ containers, networks }: Found) {
  const hands = yield* EngineHands
  const removals = [
    ...containers.map(({ id }) => hands.removeContainer(id)),
    ...networks.map(({ id }) => hands.removeNetwork(id))
  ]
  const troubles: Array<EngineTrouble> = []
  for (const removal of removals) {
    yield* Effect.catch(removal, (trouble) => Effect.sync(() => void troubles.push(trouble)))
  }
  return troubles
})

type Named = ReadonlyArray<{ readonly name: string }>

const sorted = (kind: string, found: Named): ReadonlyArray<string> =>
  found.map(({ name }) => `${kind} ${name}`).toSorted()

/** `network a, network b, container c`: the engine lists them in any order. */
export const namesOf = ({ containers, networks }: { readonly networks: Named; readonly containers: Named }): string =>
  [...sorted("network", networks), ...sorted("container", containers)].join(", ")

export const isEmpty = ({ containers, networks }: Found): boolean => containers.length + networks.length === 0
