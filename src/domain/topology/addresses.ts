import type { Hydrated } from "./hydrated.ts"
import { formatAddress, gatewayOf, isForDeckies, parseAddress, parseSubnet } from "./subnet.ts"

const given = (ip: string | null | undefined): number | undefined =>
  ip === undefined || ip === null ? undefined : parseAddress(ip)

/**
 * Every decky's address on a LAN, by the decky's name: its own, or the one it `held` before (by name) where nobody asks for that, or
 * the next that is free, in the order of the topology. Where nothing was held, the same topology has the same addresses wherever and
 * however often it is applied, and none is taken that another decky asks for.
 */
export const addressesOn = (
  { deckies, lans }: Hydrated,
  lan: string,
  held: ReadonlyMap<string, string> = new Map()
): ReadonlyMap<string, string> => {
  const subnet = parseSubnet(lans.find(({ name }) => name === lan)?.subnet ?? "")
  if (subnet === undefined) return new Map()
  const here = deckies.flatMap(({ name, networks }) =>
    networks.filter((network) => network.lan === lan).map(({ ip }) => ({ name, asked: given(ip) }))
  )
  const taken = new Set(here.flatMap(({ asked }) => (asked === undefined ? [] : [asked])))
  const kept = new Map<string, number>()
  for (const { asked, name } of here) {
    const before = given(held.get(name))
    if (asked !== undefined || before === undefined || taken.has(before) || !isForDeckies(subnet, before)) continue
    kept.set(name, before)
    taken.add(before)
  }
  let next = gatewayOf(subnet)
  const free = (): number => {
    do next++
    while (taken.has(next))
    return next
  }
  return new Map(here.map(({ asked, name }) => [name, formatAddress(asked ?? kept.get(name) ?? free())]))
}
