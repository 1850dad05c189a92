import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Durable from "../durable.ts"
import { readAt, sizeAndInode } from "./followIndex.ts"
import { isWhole } from "./rowLine.ts"

const CHUNK_BYTES = 64 * 1024
const NEWLINE = 0x0a

/** Where the line begins whose last byte is before `end`: after the newline before it, or at 0. */
const lineStart = Effect.fnUntraced(function* (file: FileSystem.File, end: number) {
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - CHUNK_BYTES)
    const found = (yield* readAt(file, from, to - from)).lastIndexOf(NEWLINE)
    if (found >= 0) return from + found + 1
    to = from
  }
  return 0
})

const isWholeAt = Effect.fnUntraced(function* (file: FileSystem.File, from: number, to: number) {
  // No row is that long: not read, lest memory grow with what a crash left.
  if (to - from > CHUNK_BYTES) return false
  return isWhole(new TextDecoder().decode(yield* readAt(file, from, to - from)))
})

/** What was done to the end of the index. */
export interface Tail {
  /** Where the index ends now. Bytes. */
  readonly end: number
  /** Bytes of a torn last line that were cut off. */
  readonly cut: number
}

/**
 * Leaves an index that ends with a whole line and its newline. Cuts at most the last line, and only what no reader could read: a
 * whole row that lacks nothing but its newline gets it. `file` is open for reading and appending.
 */
export const cutTail = Effect.fnUntraced(function* (file: FileSystem.File) {
  const { size } = yield* sizeAndInode(file)
  if (size === 0) return { end: 0, cut: 0 } satisfies Tail
  const terminated = (yield* readAt(file, size - 1, 1))[0] === NEWLINE
  const last = yield* lineStart(file, terminated ? size - 1 : size)
  if (yield* isWholeAt(file, last, size)) {
    if (terminated) return { end: size, cut: 0 } satisfies Tail
    yield* file.writeAll(new Uint8Array([NEWLINE]))
    yield* Durable.syncFile(file)
    return { end: size + 1, cut: 0 } satisfies Tail
  }
  yield* file.truncate(last)
  yield* Durable.syncFile(file)
  return { end: last, cut: size - last } satisfies Tail
})
