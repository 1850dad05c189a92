/** What is wrong with a topology of the right shape, as far as it can be told without a host. */
import type { Decky, Hydrated, Lan } from "./hydrated.ts"
import { isForDeckies, isReserved, overlap, parseAddress, parseSubnet, room, type Subnet } from "./subnet.ts"

type Faults = ReadonlyArray<string>

const repeated = (names: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(names.filter((name, at) => names.indexOf(name) !== at))
]

const twice = (what: string, names: ReadonlyArray<string>): Faults =>
  repeated(names).map((name) => `there is more than one ${what} ${name}`)

const subnetFaults = ({ name, subnet }: Lan): Faults => {
  const parsed = parseSubnet(subnet)
  const found = JSON.stringify(subnet.slice(0, 100))
  if (parsed === undefined) {
    return [`the subnet of LAN ${name} is ${found}: it takes an IPv4 network from /8 to /30, such as 10.1.0.0/24`]
  }
  return isReserved(parsed) ? [`the subnet of LAN ${name}, ${subnet}, is reserved and can be no LAN's`] : []
}

interface Place {
  readonly lan: Lan
  readonly subnet: Subnet
}

const placesOf = (lans: ReadonlyArray<Lan>): ReadonlyArray<Place> =>
  lans.flatMap((lan) => {
    const subnet = parseSubnet(lan.subnet)
    return subnet === undefined ? [] : [{ lan, subnet }]
  })

const overlaps = (places: ReadonlyArray<Place>): Faults =>
  places.flatMap((one, at) =>
    places
      .slice(at + 1)
      .filter((other) => overlap(one.subnet, other.subnet))
      .map(
        ({ lan }) =>
          `the subnets of the LANs ${one.lan.name} (${one.lan.subnet}) and ${lan.name} (${lan.subnet}) overlap`
      )
  )

const attachmentFaults =
  (lans: ReadonlyArray<Lan>) =>
  ({ name, networks }: Decky): Faults => [
    ...repeated(networks.map(({ lan }) => lan)).map((lan) => `decky ${name} is on LAN ${lan} more than once`),
    ...networks.flatMap(({ ip, lan }) => {
      const at = lans.find((candidate) => candidate.name === lan)
      if (at === undefined) return [`decky ${name} is on LAN ${lan}, and there is none of that name`]
      const subnet = parseSubnet(at.subnet)
      if (ip === undefined || ip === null || subnet === undefined) return []
      const address = parseAddress(ip)
      if (address === undefined)
        return [`the address of decky ${name} on LAN ${lan}, ${JSON.stringify(ip.slice(0, 100))}, is no IPv4 address`]
      if (address < subnet.first || address > subnet.last) {
        return [`the address of decky ${name} on LAN ${lan}, ${ip}, is not in ${at.subnet}`]
      }
      return isForDeckies(subnet, address)
        ? []
        : [
            `the address of decky ${name} on LAN ${lan}, ${ip}, is the network's own, its gateway's or its broadcast address`
          ]
    })
  ]

const addressFaults =
  (deckies: ReadonlyArray<Decky>) =>
  ({ lan, subnet }: Place): Faults => {
    const here = deckies.flatMap(({ networks }) => networks.filter((network) => network.lan === lan.name))
    const addresses = here.flatMap(({ ip }) => (ip === undefined || ip === null ? [] : [ip]))
    return [
      ...repeated(addresses).map((ip) => `the address ${ip} on LAN ${lan.name} is given to more than one decky`),
      ...(here.length > room(subnet)
        ? [`LAN ${lan.name} (${lan.subnet}) has ${room(subnet)} addresses for ${here.length} deckies`]
        : [])
    ]
  }

/** Everything that is wrong, each in words. */
export const faultsIn = ({ deckies, lans }: Hydrated): Faults => {
  const places = placesOf(lans)
  return [
    ...twice(
      "LAN",
      lans.map(({ name }) => name)
    ),
    ...twice(
      "decky",
      deckies.map(({ name }) => name)
    ),
    ...lans.flatMap(subnetFaults),
    ...overlaps(places),
    ...deckies.flatMap(attachmentFaults(lans)),
    ...places.flatMap(addressFaults(deckies))
  ]
}
