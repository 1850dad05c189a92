import * as fc from "fast-check"
import { part } from "../effort.ts"

/** One thing that reads what others wrote. */
export interface Decoder {
  /** What is read, and who wrote it. */
  readonly reads: string
  /** The files in `src` that do it. */
  readonly in: ReadonlyArray<string>
  /** Gives a typed answer to anything. */
  readonly answersAnything: () => Promise<void>
  /** Understands what is sound: else the harmed inputs would test nothing. */
  readonly understandsSound: () => Promise<void>
}

export interface Row<I, A> {
  readonly reads: string
  readonly in: ReadonlyArray<string>
  readonly sound: fc.Arbitrary<I>
  readonly near: fc.Arbitrary<I>
  /** May be a promise. */
  readonly read: (input: I) => A
  /** Complains about an answer that is none. */
  readonly typed: (answer: Awaited<A>, input: I) => void
  readonly understood: (answer: Awaited<A>, input: I) => void
  /** What it failed at once. */
  readonly found?: ReadonlyArray<I>
  /** The part of the usual runs that it gets. */
  readonly share?: number
}

export const row = <I, A>({
  found = [],
  near,
  read,
  share = 1,
  sound,
  typed,
  understood,
  ...about
}: Row<I, A>): Decoder => ({
  reads: about.reads,
  in: about.in,
  answersAnything: () =>
    fc.assert(
      fc.asyncProperty(near, async (input) => void typed(await read(input), input)),
      { ...part(share), examples: found.map((input) => [input]) }
    ),
  understandsSound: () =>
    fc.assert(
      fc.asyncProperty(sound, async (input) => void understood(await read(input), input)),
      part(share / 5)
    )
})
