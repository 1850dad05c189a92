/** IPv4 networks as an engine hands out their addresses. */

/** Addresses are numbers from 0 to 2^32 - 1. */
export interface Subnet {
  /** Its own address: the first. */
  readonly first: number
  /** Its broadcast address: the last. */
  readonly last: number
}

const PART = "(0|[1-9]\\d{0,2})"
const ADDRESS = new RegExp(`^${PART}\\.${PART}\\.${PART}\\.${PART}$`)

/** Four decimal numbers without leading zeros, which some read as octal; `undefined` when it is no address. */
export const parseAddress = (text: string): number | undefined => {
  const parts = ADDRESS.exec(text)?.slice(1).map(Number)
  return parts === undefined || parts.some((part) => part > 255)
    ? undefined
    : parts.reduce((value, part) => value * 256 + part, 0)
}

export const formatAddress = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")

/** Larger is no LAN; smaller has no place for a decky beside the gateway. */
const SHORTEST_PREFIX = 8
const LONGEST_PREFIX = 30

/** `undefined` when it is none, or an address within one. */
export const parseSubnet = (text: string): Subnet | undefined => {
  const [, host = "", digits = ""] = /^([^/]+)\/([1-9]\d?)$/.exec(text) ?? []
  const first = parseAddress(host)
  const prefix = Number(digits)
  if (first === undefined || prefix < SHORTEST_PREFIX || prefix > LONGEST_PREFIX) return undefined
  const size = 2 ** (32 - prefix)
  return first % size === 0 ? { first, last: first + size - 1 } : undefined
}

export const overlap = (a: Subnet, b: Subnet): boolean => a.first <= b.last && b.first <= a.last

/** What an engine keeps for itself: the bridge's own address. */
export const gatewayOf = ({ first }: Subnet): number => first + 1

/** What may be a decky's: neither the network's, nor the gateway's, nor the broadcast address. */
export const isForDeckies = (subnet: Subnet, address: number): boolean =>
  address > gatewayOf(subnet) && address < subnet.last

/** How many deckies it has addresses for. */
export const room = ({ first, last }: Subnet): number => last - first - 2

/** Loopback, link-local, multicast and what else no LAN can have (RFC 6890). */
const reserved = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16"].map(parseSubnet).filter((it) => it !== undefined)
const MULTICAST_AND_ABOVE = 224 * 2 ** 24

export const isReserved = (subnet: Subnet): boolean =>
  subnet.last >= MULTICAST_AND_ABOVE || reserved.some((other) => overlap(subnet, other))
