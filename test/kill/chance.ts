/** Everything that is left to chance, from one seed. What the kernel's scheduler does with it is not ours to repeat. */
import { createCipheriv } from "node:crypto"

export const makeChance = (seed: number) => {
  let state = seed >>> 0
  /** Mulberry32: at least 0, below 1. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  const one = <A>(items: ReadonlyArray<A>): A => {
    const item = items[between(0, items.length - 1)]
    if (item === undefined) throw new Error("nothing to choose from")
    return item
  }
  return {
    /** Both ends included. */
    between,
    one,
    yes: (probability: number): boolean => next() < probability,
    /** One of the names, as often as its number says against the others'. */
    weighted: <A extends string>(weights: Readonly<Record<A, number>>): A => {
      const names = Object.keys(weights).filter((name): name is A => name in weights)
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0)
      return names.find((name) => (left -= weights[name]) < 0) ?? one(names)
    },
    /** That no compressor makes smaller. */
    bytes: (length: number): Buffer => {
      const key = Buffer.from(Array.from({ length: 16 }, () => between(0, 255)))
      return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length))
    }
  }
}
export type Chance = ReturnType<typeof makeChance>
