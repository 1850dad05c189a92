/** What is remembered and what is there: looked at, and never acted upon. */
import * as Effect from "effect/Effect"
import type { Observed, TopologyState } from "../domain/topology/wire.ts"
import { AppliedTopology, nothingRemembered, type Remembered } from "../services/AppliedTopology.ts"
import { Engine } from "../services/Engine.ts"
import { Notify } from "../services/Notify.ts"
import { Host } from "./host.ts"
import { shortened } from "./memory.ts"
import { ownedBy } from "./ownership.ts"

/** What the engine has of ours, of whichever topology. */
export const observe: Effect.Effect<Observed, never, Engine | Host> = Effect.gen(function* () {
  const { hostId } = yield* Host
  const engine = yield* Engine
  const networks = yield* engine.networks
  const containers = yield* engine.containers
  const nameOf = new Map(networks.map(({ id, name }) => [id, name]))
  return {
    bridges: networks.flatMap((network) => {
      const owned = ownedBy(hostId, network)
      return owned === undefined ? [] : [{ name: network.name, topology_id: owned.topologyId }]
    }),
    containers: containers.flatMap((container) => {
      const owned = ownedBy(hostId, container)
      if (owned === undefined) return []
      const on = container.attachments.flatMap(({ networkId }) => nameOf.get(networkId) ?? [])
      return [{ name: container.name, topology_id: owned.topologyId, state: container.state, networks: on }]
    })
  }
}).pipe(Effect.catch(({ message }) => Effect.succeed({ error: shortened(message) })))

/** Fails where the memory cannot be read. */
export const topologyState = Effect.gen(function* () {
  const memory = yield* AppliedTopology
  return { ...(yield* memory.read), observed: yield* observe } satisfies TopologyState
})

/** For the master, who is to hear of a memory that cannot be read. */
export const reportedState: Effect.Effect<TopologyState, never, AppliedTopology | Engine | Host> = topologyState.pipe(
  Effect.catch(({ message }) =>
    Effect.map(observe, (observed) => ({ ...nothingRemembered, last_error: message, observed }))
  )
)

/** The line for whoever asks the service manager. */
export const sayStanding = Effect.gen(function* () {
  const memory = yield* AppliedTopology
  const notify = yield* Notify
  const words = yield* Effect.match(memory.read, { onFailure: ({ message }) => message, onSuccess: standing })
  yield* notify.send(`STATUS=waiting for the master; ${words}`)
  return words
})

/** What is remembered, in a few words. */
const standing = ({ last_error, topology_id }: Remembered): string => {
  if (topology_id === null) return "nothing is applied"
  return `${topology_id} was applied last${last_error === null ? "" : `, and failed: ${last_error.slice(0, 200)}`}`
}
