/** IP addresses and networks: who is meant by `10.0.0.7` or `fd00::/8`. */

interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** All addresses that begin with the same `prefix` bits. */
export interface Network extends Address {
  readonly prefix: number
}

const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
/** ::ffff:0:0/96, an IPv4 address as a socket for both kinds gives it (RFC 4291, section 2.5.5.2). */
const MAPPED = 0xffffn

const joined = (parts: ReadonlyArray<number>, width: bigint): bigint =>
  parts.reduce((value, part) => (value << width) | BigInt(part), 0n)

const parseV4 = (text: string): Address | undefined => {
  const parts = V4.exec(text)?.slice(1).map(Number)
  return parts === undefined || parts.some((part) => part > 255) ? undefined : { bits: 32, value: joined(parts, 8n) }
}

const groupsOf = (side: string): ReadonlyArray<number> =>
  side === "" ? [] : side.split(":").map((group) => Number.parseInt(group, 16))

const parseV6 = (text: string): Address | undefined => {
  // The URL parser knows the grammar, and writes each address in one way: groups in hexadecimal, the longest run of zeros as `::`.
  const written = /^[0-9A-Fa-f:.]+$/.test(text) ? URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1) : undefined
  if (written === undefined) return undefined
  const [before = "", after] = written.split("::")
  const [head, tail] = [groupsOf(before), groupsOf(after ?? "")]
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  const value = joined([...head, ...zeros, ...tail], 16n)
  return value >> 32n === MAPPED ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value }
}

const parseAddress = (text: string): Address | undefined =>
  parseV4(text) ?? (text.includes(":") ? parseV6(text.replace(/%[\w.-]+$/, "")) : undefined)

/** Reads an address, or a network as `address/prefix`; `undefined` when it is neither. */
export const parseNetwork = (text: string): Network | undefined => {
  const [, host = "", digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = parseAddress(host)
  if (address === undefined) return undefined
  const prefix = digits === undefined ? address.bits : Number(digits)
  return prefix > address.bits ? undefined : { ...address, prefix }
}

/** Whether the address is in one of the networks. Text that is no address is in none. */
export const isWithin = (networks: ReadonlyArray<Network>, text: string): boolean => {
  const address = parseAddress(text)
  return (
    address !== undefined &&
    networks.some(({ bits, prefix, value }) => {
      const shift = BigInt(bits - prefix)
      return bits === address.bits && value >> shift === address.value >> shift
    })
  )
}
