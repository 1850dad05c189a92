/** How what a host runs differs from what it should run. */
import type { Sha256 } from "../names.ts"
import type { Decky, Hydrated } from "./hydrated.ts"
import { bridgesOf, containersOf, objectName } from "./objects.ts"
import { type Thing, thingsIn } from "./observed.ts"
import type { TopologyState } from "./wire.ts"

/** What a host should run. */
export type Wanted =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Topology"; readonly hydrated: Hydrated; readonly versionHash: Sha256 }

/** Each in words; none means that they agree. */
type Differences = ReadonlyArray<string>

/** Text from a host, for one line. */
const LONGEST = 300
const quoted = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)

const short = (hash: string): string => quoted(hash.slice(0, 12))

const failure = ({ last_error }: TopologyState): string | undefined =>
  last_error === null || last_error === undefined || last_error === "" ? undefined : quoted(last_error)

const rowDiffers = (wanted: Extract<Wanted, { _tag: "Topology" }>, reported: TopologyState): Differences => {
  const { id } = wanted.hydrated.topology
  const { applied_version_hash: hash, topology_id: other } = reported
  const failed = failure(reported)
  if (other === null) return [`runs nothing, and should run ${id}${failed === undefined ? "" : `: ${failed}`}`]
  if (other !== id) return [`runs ${quoted(other)}, and should run ${id}`]
  if (failed !== undefined) return [`${id} is not applied: ${failed}`]
  if (hash === null || hash === "") return [`${id} is not applied`]
  return hash === wanted.versionHash
    ? []
    : [`runs version ${short(hash)} of ${id}, and should run ${short(wanted.versionHash)}`]
}

const unsound = ({ topology }: Hydrated, decky: Decky | undefined, thing: Thing): Differences => {
  if (thing.kind === "LAN" || decky === undefined) return []
  if (thing.state !== undefined && thing.state !== "running") return [`decky ${decky.name} is ${quoted(thing.state)}`]
  if (thing.networks === undefined) return []
  const networks = new Set(thing.networks)
  return decky.networks
    .filter(({ lan }) => !networks.has(objectName(topology.id, lan)))
    .map(({ lan }) => `decky ${decky.name} is not on LAN ${lan}`)
}

const allUnsound = (hydrated: Hydrated, things: ReadonlyArray<Thing>): Differences => {
  const deckies = new Map(hydrated.deckies.map((decky) => [objectName(hydrated.topology.id, decky.name), decky]))
  return things.flatMap((thing) => unsound(hydrated, deckies.get(thing.name), thing))
}

const namesOf = (wanted: Wanted): Readonly<Record<Thing["kind"], ReadonlyArray<string>>> => ({
  LAN: wanted._tag === "Nothing" ? [] : bridgesOf(wanted.hydrated),
  decky: wanted._tag === "Nothing" ? [] : containersOf(wanted.hydrated)
})

const missing = (wanted: Wanted, things: ReadonlyArray<Thing>): Differences =>
  (["LAN", "decky"] as const).flatMap((kind) => {
    const there = new Set(things.filter((thing) => thing.kind === kind).map(({ name }) => name))
    const names = namesOf(wanted)[kind]
    return names.filter((name) => !there.has(name)).map((name) => `${kind} ${name} is missing`)
  })

const extra = (wanted: Wanted, things: ReadonlyArray<Thing>): Differences => {
  const { LAN, decky } = namesOf(wanted)
  const names = { LAN: new Set(LAN), decky: new Set(decky) }
  return things
    .filter(({ kind, name }) => !names[kind].has(name))
    .map(({ kind, name }) => `${kind} ${quoted(name)} is there, and should not be`)
}

const isOf = (id: string, { name, topologyId }: Thing): boolean =>
  topologyId === undefined ? name.startsWith(objectName(id, "")) : topologyId === id

const engineDiffers = (wanted: Wanted, { observed, topology_id }: TopologyState): Differences => {
  const things = thingsIn(observed)
  if (things === undefined) return []
  if (typeof things === "string") return [`its engine cannot be looked at: ${quoted(things)}`]
  if (wanted._tag === "Topology" && topology_id === wanted.hydrated.topology.id) {
    return [...missing(wanted, things), ...extra(wanted, things), ...allUnsound(wanted.hydrated, things)]
  }
  // That another topology is applied, or none, has been said: not once more of every part.
  return extra(
    wanted,
    things.filter((thing) => topology_id === null || !isOf(topology_id, thing))
  )
}

const rowsDiffer = (wanted: Wanted, reported: TopologyState): Differences => {
  if (wanted._tag === "Topology") return rowDiffers(wanted, reported)
  if (reported.topology_id !== null) return [`runs ${quoted(reported.topology_id)}, and should run nothing`]
  const failed = failure(reported)
  return failed === undefined ? [] : [`cannot say what it runs: ${failed}`]
}

const IDLE: TopologyState = { topology_id: null, applied_version_hash: null }

/** Whatever a host makes up. */
const MOST = 100

/** `reported` null: a host whose agent says nothing of any topology. */
export const drift = (wanted: Wanted, reported: TopologyState | null): Differences => {
  const state = reported ?? IDLE
  const all = [...rowsDiffer(wanted, state), ...engineDiffers(wanted, state)]
  return all.length <= MOST ? all : [...all.slice(0, MOST), `and ${all.length - MOST} more differences`]
}
