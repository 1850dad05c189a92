/** From what is wanted and what is there to what has to be done: nothing where both agree. */
import type { HostId, Sha256 } from "../domain/names.ts"
import { addressesOn } from "../domain/topology/addresses.ts"
import type { Decky, Hydrated, Lan } from "../domain/topology/hydrated.ts"
import { objectName } from "../domain/topology/objects.ts"
import type { Container, Network } from "../services/Engine.ts"
import { deckyDefinition, lanDefinition } from "./definition.ts"
import { belongsTo, type Owned, ownedBy } from "./ownership.ts"

export interface Found {
  readonly networks: ReadonlyArray<Network>
  readonly containers: ReadonlyArray<Container>
}

export interface NewLan {
  readonly lan: Lan
  readonly owned: Owned
}

export interface NewDecky {
  readonly decky: Decky
  readonly owned: Owned
  /** By LAN. */
  readonly addresses: ReadonlyMap<string, string>
}

/** In the order in which it is done. */
export interface Plan {
  readonly removeContainers: ReadonlyArray<Container>
  readonly removeNetworks: ReadonlyArray<Network>
  readonly createNetworks: ReadonlyArray<NewLan>
  readonly createContainers: ReadonlyArray<NewDecky>
  /** What is as it should be and does not run. */
  readonly start: ReadonlyArray<Container>
  /** The networks that stay, by LAN. */
  readonly keptNetworks: ReadonlyMap<string, Network>
}

export const isNothing = (plan: Plan): boolean =>
  [plan.removeContainers, plan.removeNetworks, plan.createNetworks, plan.createContainers, plan.start].every(
    ({ length }) => length === 0
  )

type Digest = (text: string) => Sha256
type Kept = ReadonlyMap<string, Network>

/** Whether this is it: under its name, with its definition. */
const isMadeFrom = (object: Network | Container, wanted: Owned, hostId: HostId): boolean =>
  object.name === objectName(wanted.topologyId, wanted.name) &&
  ownedBy(hostId, object)?.definition === wanted.definition

const wantedLans = ({ lans, topology }: Hydrated, digest: Digest): ReadonlyArray<NewLan> =>
  lans.map((lan) => ({
    lan,
    owned: { topologyId: topology.id, name: lan.name, definition: lanDefinition(lan, digest) }
  }))

const keptAmong = (networks: ReadonlyArray<Network>, lans: ReadonlyArray<NewLan>, hostId: HostId): Kept =>
  new Map(
    lans.flatMap(({ lan, owned }) => {
      const network = networks.find((each) => isMadeFrom(each, owned, hostId))
      return network === undefined ? [] : [[lan.name, network] as const]
    })
  )

/** The addresses that deckies of these definitions have on a network that stays, by decky. */
const heldOn = (
  network: Network | undefined,
  containers: ReadonlyArray<Container>,
  definitions: ReadonlyMap<string, Sha256>,
  hostId: HostId
): ReadonlyMap<string, string> =>
  new Map(
    containers.flatMap((container) => {
      const owned = ownedBy(hostId, container)
      const address = container.attachments.find(({ networkId }) => networkId === network?.id)?.address
      return owned !== undefined && address !== undefined && definitions.get(owned.name) === owned.definition
        ? [[owned.name, address] as const]
        : []
    })
  )

const wantedDeckies = (
  hydrated: Hydrated,
  containers: ReadonlyArray<Container>,
  kept: Kept,
  hostId: HostId,
  digest: Digest
): ReadonlyArray<NewDecky> => {
  const definitions = new Map(hydrated.deckies.map((decky) => [decky.name, deckyDefinition(decky, digest)]))
  const addresses = new Map(
    hydrated.lans.map(({ name }) => [
      name,
      addressesOn(hydrated, name, heldOn(kept.get(name), containers, definitions, hostId))
    ])
  )
  return hydrated.deckies.map((decky) => ({
    decky,
    owned: { topologyId: hydrated.topology.id, name: decky.name, definition: definitions.get(decky.name) ?? "" },
    addresses: new Map(decky.networks.map(({ lan }) => [lan, addresses.get(lan)?.get(decky.name) ?? ""]))
  }))
}

/** A container in another state, such as `paused` or `dead`, is made anew. */
const SOUND: ReadonlySet<string> = new Set(["running", "exited", "created"])

/** On the networks that stay, under the addresses that are wanted, and on no other. */
const isPluggedIn = ({ attachments }: Container, { addresses, decky }: NewDecky, kept: Kept): boolean =>
  attachments.length === decky.networks.length &&
  decky.networks.every(({ lan }) =>
    attachments.some(({ address, networkId }) => networkId === kept.get(lan)?.id && address === addresses.get(lan))
  )

export const planFor = (hydrated: Hydrated, found: Found, hostId: HostId, digest: Digest): Plan => {
  const ours = belongsTo(hostId, hydrated.topology.id)
  const networks = found.networks.filter(ours)
  const containers = found.containers.filter(ours)
  const lans = wantedLans(hydrated, digest)
  const kept = keptAmong(networks, lans, hostId)
  const deckies = wantedDeckies(hydrated, containers, kept, hostId, digest)
  const standing = (wanted: NewDecky): Container | undefined =>
    containers.find(
      (each) => isMadeFrom(each, wanted.owned, hostId) && SOUND.has(each.state) && isPluggedIn(each, wanted, kept)
    )
  const staying = new Set<Network | Container>([
    ...kept.values(),
    ...deckies.flatMap((wanted) => standing(wanted) ?? [])
  ])
  return {
    removeContainers: containers.filter((container) => !staying.has(container)),
    removeNetworks: networks.filter((network) => !staying.has(network)),
    createNetworks: lans.filter(({ lan }) => !kept.has(lan.name)),
    createContainers: deckies.filter((wanted) => standing(wanted) === undefined),
    start: containers.filter((container) => staying.has(container) && container.state !== "running"),
    keptNetworks: kept
  }
}
