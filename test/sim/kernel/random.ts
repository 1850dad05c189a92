import { createHash } from "node:crypto"
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64"
import { uniformInt } from "pure-rand/distribution/uniformInt"
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus"

/** Seeded and splittable: a draw by one actor never changes another's draws. */
export interface Random {
  /** 0 to 1, the latter excluded. */
  next(): number
  /** A whole number from 0 to `below`, the latter excluded. */
  int(below: number): number
  chance(probability: number): boolean
  pick<A>(of: readonly A[]): A
  /** Depends on the seed and the label only, never on what was drawn before. */
  fork(label: string): Random
}

export const makeRandom = (seed: number | string): Random => {
  const state = createHash("sha256").update(String(seed)).digest()
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => state.readInt32LE(at)))
  const next = () => uniformFloat64(generator)
  const int = (below: number) => uniformInt(generator, 0, below - 1)
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: <A>(of: readonly A[]): A => {
      if (of.length === 0) throw new Error("there is nothing to pick from")
      return of[int(of.length)] as A
    },
    fork: (label) => makeRandom(`${seed}/${label}`)
  }
}
