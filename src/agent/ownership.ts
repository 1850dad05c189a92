/** What in the engine is ours: only that is ever touched. */
import type { HostId } from "../domain/names.ts"
import { label } from "../domain/topology/objects.ts"
import type { Labels } from "../services/Engine.ts"

/** Which agent made it: several may share an engine. */
const HOST_LABEL = "decnet.host"

interface Labelled {
  readonly labels: Labels
}

/** What we know of an object of ours. */
export interface Owned {
  readonly topologyId: string
  /** Of the LAN or decky. */
  readonly name: string
  readonly definition: string
}

export const labelsFor = (hostId: HostId, { definition, name, topologyId }: Owned): Labels => ({
  [HOST_LABEL]: hostId,
  [label.topology]: topologyId,
  [label.name]: name,
  [label.definition]: definition
})

/** `undefined` when it is somebody else's. */
export const ownedBy = (hostId: HostId, { labels }: Labelled): Owned | undefined => {
  const topologyId = labels[label.topology]
  const name = labels[label.name]
  const definition = labels[label.definition]
  const ours = labels[HOST_LABEL] === hostId
  return ours && topologyId !== undefined && name !== undefined && definition !== undefined
    ? { topologyId, name, definition }
    : undefined
}

export const belongsTo =
  (hostId: HostId, topologyId: string) =>
  (object: Labelled): boolean =>
    ownedBy(hostId, object)?.topologyId === topologyId
