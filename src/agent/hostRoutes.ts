/** Where this host sends what it sends, as the kernel writes it (proc(5), net/ipv4/fib_trie.c). */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { formatAddress } from "../domain/topology/subnet.ts"

export interface Route {
  readonly interface: string
  /** `192.0.2.0/24`. */
  readonly subnet: string
}

/** Not /proc/net/route: of a program whose view of /proc is restricted to processes, only this is left. */
const ROUTES = "/proc/self/net/route"

/** What is wider leads everywhere, as a default route does or its two halves, and is in nobody's way. */
const NARROW = 8
/** Of a route that only refuses. */
const NOWHERE = "*"

/** Eight hexadecimal digits of a number in the byte order of the machine: little on all that we know. */
const number = (hex: string): number | undefined =>
  /^[0-9A-Fa-f]{8}$/.test(hex)
    ? (hex.match(/../g) ?? []).reduceRight((value, byte) => value * 256 + Number.parseInt(byte, 16), 0)
    : undefined

const prefixOf = (mask: number): number => [...mask.toString(2)].filter((bit) => bit === "1").length

const routeIn = (line: string): ReadonlyArray<Route> => {
  const fields = line.split("\t").map((field) => field.trim())
  const destination = number(fields[1] ?? "")
  const mask = number(fields[7] ?? "")
  const name = fields[0]
  if (name === undefined || destination === undefined || mask === undefined) return []
  const prefix = prefixOf(mask)
  return prefix < NARROW || name === NOWHERE
    ? []
    : [{ interface: name, subnet: `${formatAddress(destination)}/${prefix}` }]
}

export const parseRoutes = (text: string): ReadonlyArray<Route> => text.split("\n").flatMap(routeIn)

/** The routes of this host to somewhere in particular. */
export const hostRoutes = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return parseRoutes(yield* fs.readFileString(ROUTES))
})
