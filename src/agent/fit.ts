/** Whether a topology can be run here: what only the host and its engine know. */
import type { HostId } from "../domain/names.ts"
import type { Hydrated, Lan } from "../domain/topology/hydrated.ts"
import { bridgesOf, containersOf } from "../domain/topology/objects.ts"
import { overlap, parseAddress, parseSubnet, type Subnet } from "../domain/topology/subnet.ts"
import type { Route } from "./hostRoutes.ts"
import { belongsTo } from "./ownership.ts"
import type { Found } from "./plan.ts"

type Faults = ReadonlyArray<string>

const taken = (what: string, names: ReadonlyArray<string>, others: ReadonlyArray<{ readonly name: string }>): Faults =>
  names
    .filter((name) => others.some((other) => other.name === name))
    .map((name) => `there is a ${what} ${name} that is not of this agent and this topology, and it is left alone`)

interface Ground {
  readonly subnet: string
  /** Completes "overlaps with …". */
  readonly whose: string
}

/** Also what is too small for a LAN: a route to a single machine. */
const rangeOf = (text: string): Subnet | undefined => {
  const [, host = "", digits = ""] = /^([^/]+)\/(\d{1,2})$/.exec(text) ?? []
  const address = parseAddress(host)
  const prefix = Number(digits)
  if (address === undefined || prefix > 32) return undefined
  const size = 2 ** (32 - prefix)
  const first = Math.floor(address / size) * size
  return { first, last: first + size - 1 }
}

const overlaps =
  (grounds: ReadonlyArray<Ground>) =>
  ({ name, subnet }: Lan): Faults => {
    const wanted = parseSubnet(subnet)
    return grounds.flatMap((ground) => {
      const theirs = rangeOf(ground.subnet)
      return wanted !== undefined && theirs !== undefined && overlap(wanted, theirs)
        ? [`the subnet of LAN ${name} (${subnet}) overlaps with ${ground.whose} (${ground.subnet})`]
        : []
    })
  }

/** Docker names the interface of a network after it. */
const interfaceOf = (networkId: string): string => `br-${networkId.slice(0, 12)}`

/** Everything that is in the way, each in words. */
export const unfit = (hydrated: Hydrated, found: Found, routes: ReadonlyArray<Route>, hostId: HostId): Faults => {
  const ours = belongsTo(hostId, hydrated.topology.id)
  const foreign = {
    networks: found.networks.filter((network) => !ours(network)),
    containers: found.containers.filter((container) => !ours(container))
  }
  const engines = new Set(found.networks.map(({ id }) => interfaceOf(id)))
  const grounds = [
    ...foreign.networks.flatMap(({ name, subnets }) =>
      subnets.map((subnet) => ({ subnet, whose: `the engine's network ${name}` }))
    ),
    ...routes
      // The engine's own were looked at by name.
      .filter((route) => !engines.has(route.interface))
      .map((route) => ({ subnet: route.subnet, whose: `a route of this host, by ${route.interface}` }))
  ]
  return [
    ...taken("network", bridgesOf(hydrated), foreign.networks),
    ...taken("container", containersOf(hydrated), foreign.containers),
    ...hydrated.lans.flatMap(overlaps(grounds))
  ]
}
