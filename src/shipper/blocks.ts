/** Gathers the tar of an episode, and what becomes of it, into blocks, so that the compressor and the disk are called seldom. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { BLOCK_BYTES, freeBlock, makeBlock } from "../block.ts"

export interface Blocks<E> {
  /** The free rest of the block, at least one byte, and at most so many. */
  readonly room: (most: number) => Uint8Array
  /** So many bytes of the room were filled. */
  readonly taken: (bytes: number) => Effect.Effect<void, E>
  readonly put: (bytes: Uint8Array) => Effect.Effect<void, E>
  /** Gives on what is left, and waits until all is given. Once. */
  readonly end: Effect.Effect<void, E>
}

/**
 * For about `total` bytes; `give` gets one full block after the other, each while the next one is filled, and at last what is left.
 * What it fails with comes with the next block, or at the end.
 */
export const makeBlocks = <E>(
  total: number,
  give: (block: Uint8Array) => Effect.Effect<void, E>
): Effect.Effect<Blocks<E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let block = makeBlock(total)
    let used = 0
    let giving: { readonly block: Uint8Array<ArrayBuffer>; readonly fiber: Fiber.Fiber<void, E> } | undefined

    const settled = Effect.suspend(() => (giving === undefined ? Effect.void : Fiber.join(giving.fiber)))
    const giveRest = Effect.flatMap(settled, () => {
      const left = block.subarray(0, used)
      used = 0
      return left.length === 0 ? Effect.void : give(left)
    })
    const passOn = Effect.flatMap(settled, () => {
      const full = block
      block = giving?.block ?? makeBlock(total)
      used = 0
      return Effect.map(Effect.forkIn(give(full), scope, { startImmediately: true }), (fiber) => {
        giving = { block: full, fiber }
      })
    })
    const taken = (bytes: number): Effect.Effect<void, E> => {
      used += bytes
      if (used < block.length) return Effect.void
      // Hardly anything comes behind a smaller one.
      return block.length === BLOCK_BYTES ? passOn : giveRest
    }
    const put = (bytes: Uint8Array): Effect.Effect<void, E> => {
      const piece = bytes.subarray(0, block.length - used)
      block.set(piece, used)
      const done = taken(piece.length)
      return piece.length === bytes.length ? done : Effect.flatMap(done, () => put(bytes.subarray(piece.length)))
    }
    const end = Effect.map(giveRest, () => {
      freeBlock(block)
      if (giving !== undefined) freeBlock(giving.block)
    })
    return { room: (most) => block.subarray(used, used + most), taken, put, end }
  })
