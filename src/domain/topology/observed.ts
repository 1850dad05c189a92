import type { Observed } from "./wire.ts"

/** Something of ours in the engine. */
export interface Thing {
  readonly kind: "LAN" | "decky"
  /** As the engine calls it. */
  readonly name: string
  /** Absent where the agent does not say. */
  readonly topologyId: string | undefined
  /** Of a container. */
  readonly state: string | undefined
  /** The names of the bridges that a container is on. */
  readonly networks: ReadonlyArray<string> | undefined
}

type Listed = Extract<Observed, { readonly bridges: unknown }>
type Item = (Listed["bridges"] | Listed["containers"])[number]

const thing =
  (kind: Thing["kind"]) =>
  (item: Item): Thing => {
    if (typeof item === "string")
      return { kind, name: item, topologyId: undefined, state: undefined, networks: undefined }
    return {
      kind,
      name: item.name,
      topologyId: item.topology_id ?? undefined,
      state: ("state" in item ? item.state : undefined) ?? undefined,
      networks: ("networks" in item ? item.networks : undefined) ?? undefined
    }
  }

/** What the engine has of ours; the reason where the agent cannot tell; `undefined` where it does not say. */
export const thingsIn = (observed: Observed | null | undefined): ReadonlyArray<Thing> | string | undefined => {
  if (observed === null || observed === undefined) return undefined
  if ("error" in observed) return observed.error
  return [...observed.bridges.map(thing("LAN")), ...observed.containers.map(thing("decky"))]
}
