import type { Sha256 } from "../names.ts"
import { drift, type Wanted } from "./drift.ts"
import type { Hydrated } from "./hydrated.ts"
import { thingsIn } from "./observed.ts"
import type { TopologyState } from "./wire.ts"

/** What an agent is told. */
export type Command =
  | { readonly _tag: "Teardown"; readonly topologyId: string }
  | { readonly _tag: "Apply"; readonly hydrated: Hydrated; readonly versionHash: Sha256 }

/** Of what a host makes up, some at a time. */
const MOST = 16

/** Every topology that the host has anything of, the applied one first. */
const present = ({ observed, topology_id }: TopologyState): ReadonlyArray<string> => {
  const things = thingsIn(observed)
  const left = things === undefined || typeof things === "string" ? [] : things.map(({ topologyId }) => topologyId)
  return [...new Set([topology_id, ...left])].filter((id): id is string => typeof id === "string" && id !== "")
}

/** What mends the drift, in this order; nothing where there is none, or none that we can mend. */
export const plan = (wanted: Wanted, reported: TopologyState | null): ReadonlyArray<Command> => {
  if (drift(wanted, reported).length === 0) return []
  const others = (reported === null ? [] : present(reported)).filter(
    (id) => wanted._tag === "Nothing" || id !== wanted.hydrated.topology.id
  )
  const teardowns = others.slice(0, MOST).map((topologyId): Command => ({ _tag: "Teardown", topologyId }))
  if (wanted._tag === "Nothing") return teardowns
  const { hydrated, versionHash } = wanted
  return [...teardowns, { _tag: "Apply", hydrated, versionHash }]
}
