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

/** A container in another state, such as `paused` or `dead`, is made anew. */
const SOUND: ReadonlySet<string> = new Set(["running", "exited", "created"])

const isAttachedTo = (
  container: Container,
  places: ReadonlyArray<readonly [networkId: string | undefined, address: string | undefined]>
) =>
  container.attachments.length === places.length &&
  places.every(([networkId, address]) =>
    container.attachments.some((attachment) => attachment.networkId === networkId && attachment.address === address)
  )

/** The addresses that deckies of this definition have on a network that stays. */
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

export const planFor = (hydrated: Hydrated, found: Found, hostId: HostId, digest: (text: string) => Sha256): Plan => {
  const topologyId = hydrated.topology.id
  const ours = belongsTo(hostId, topologyId)
  const networks = found.networks.filter(ours)
  const containers = found.containers.filter(ours)
  const deckyDefinitions = new Map(hydrated.deckies.map((decky) => [decky.name, deckyDefinition(decky, digest)]))

  const newLans = hydrated.lans.map(
    (lan): NewLan => ({ lan, owned: { topologyId, name: lan.name, definition: lanDefinition(lan, digest) } })
  )
  const standingNetwork = ({ lan, owned }: NewLan) =>
    networks.find(
      (network) =>
        network.name === objectName(topologyId, lan.name) && ownedBy(hostId, network)?.definition === owned.definition
    )
  const keptNetworks = new Map(
    newLans.flatMap((lan) => {
      const network = standingNetwork(lan)
      return network === undefined ? [] : [[lan.lan.name, network] as const]
    })
  )

  const addresses = new Map(
    hydrated.lans.map(({ name }) => {
      const held = heldOn(keptNetworks.get(name), containers, deckyDefinitions, hostId)
      return [name, addressesOn(hydrated, name, held)]
    })
  )
  const newDeckies = hydrated.deckies.map((decky): NewDecky => {
    const definition = deckyDefinitions.get(decky.name) ?? ""
    return {
      decky,
      owned: { topologyId, name: decky.name, definition },
      addresses: new Map(decky.networks.map(({ lan }) => [lan, addresses.get(lan)?.get(decky.name) ?? ""]))
    }
  })
  const standingContainer = ({ addresses, decky, owned }: NewDecky) =>
    containers.find(
      (container) =>
        container.name === objectName(topologyId, decky.name) &&
        ownedBy(hostId, container)?.definition === owned.definition &&
        SOUND.has(container.state) &&
        isAttachedTo(
          container,
          decky.networks.map(({ lan }) => [keptNetworks.get(lan)?.id, addresses.get(lan)])
        )
    )
  const keptContainers = newDeckies.flatMap((decky) => standingContainer(decky) ?? [])

  return {
    removeContainers: containers.filter((container) => !keptContainers.includes(container)),
    removeNetworks: networks.filter((network) => ![...keptNetworks.values()].includes(network)),
    createNetworks: newLans.filter(({ lan }) => !keptNetworks.has(lan.name)),
    createContainers: newDeckies.filter((decky) => standingContainer(decky) === undefined),
    start: keptContainers.filter(({ state }) => state !== "running"),
    keptNetworks
  }
}
