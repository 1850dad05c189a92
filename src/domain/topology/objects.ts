/** What a topology is made of in the engine: a bridge network for each LAN, a container for each decky. */
import type { Hydrated } from "./hydrated.ts"

/** Only what has all of these is ours, and only that is ever touched. */
export const label = {
  /** The topology's id. */
  topology: "decnet.topology",
  /** Of the LAN or decky, as the topology calls it. */
  name: "decnet.name",
  /** A digest of what it was made from: another one means that it has to be made anew. */
  definition: "decnet.definition"
} as const

export const objectName = (topologyId: string, name: string): string => `decnet-topology-${topologyId}-${name}`

export const bridgesOf = ({ lans, topology }: Hydrated): ReadonlyArray<string> =>
  lans.map(({ name }) => objectName(topology.id, name))

export const containersOf = ({ deckies, topology }: Hydrated): ReadonlyArray<string> =>
  deckies.map(({ name }) => objectName(topology.id, name))
