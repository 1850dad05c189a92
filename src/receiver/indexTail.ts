import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Durable from "../durable.ts"
import { wordsOf } from "../systemError.ts"
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

/** The end of an index as it was found. */
export interface Tail {
  /** Where the last whole line ends, with its newline or without. Bytes. */
  readonly end: number
  /** Bytes behind it: a line that a crash tore. */
  readonly torn: number
  /** The last whole line has its newline. */
  readonly terminated: boolean
}

/** Finds at most one torn line, the last, and calls torn only what no reader could read. */
export const inspectTail = Effect.fnUntraced(function* (file: FileSystem.File) {
  const { size } = yield* sizeAndInode(file)
  if (size === 0) return { end: 0, torn: 0, terminated: true } satisfies Tail as Tail
  const terminated = (yield* readAt(file, size - 1, 1))[0] === NEWLINE
  const last = yield* lineStart(file, terminated ? size - 1 : size)
  return ((yield* isWholeAt(file, last, size))
    ? { end: size, torn: 0, terminated }
    : { end: last, torn: size - last, terminated: true }) satisfies Tail as Tail
})

/**
 * Leaves an index that ends with a whole line and its newline, and gives its length. A whole row that lacks nothing but its newline
 * gets it. `file` is open for reading and appending.
 */
export const mend = Effect.fnUntraced(function* (file: FileSystem.File, { end, torn, terminated }: Tail) {
  if (torn === 0 && terminated) return end
  if (torn > 0) yield* file.truncate(end)
  else yield* file.writeAll(new Uint8Array([NEWLINE]))
  return torn > 0 ? end : end + 1
})

/** More than all uploads under way can append at once. */
const RENEWED_BYTES = 1024 * 1024

/**
 * Makes an index of `end` bytes durable, whatever became of the process that wrote it. Lines that it did not come to syncing, or could
 * not sync, are read back from the cache, and no sync alone would bring the latter to the disk (fsync(2)): the last ones are written
 * over themselves. A disk that takes nothing now keeps nobody from starting.
 */
export const renew = Effect.fnUntraced(function* (path: string, end: number) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "r+", noFollow: true })
  const from = Math.max(0, end - RENEWED_BYTES)
  const bytes = yield* readAt(file, from, end - from)
  yield* file.seek(BigInt(from), "start")
  // A crash here leaves every byte as it was.
  yield* Effect.catch(bytes.length === 0 ? Effect.void : file.writeAll(bytes), (error) =>
    Effect.logWarning("the last lines of the index could not be written anew").pipe(
      Effect.annotateLogs({ index: path, error: wordsOf(error) })
    )
  )
  yield* Durable.syncFile(file)
}, Effect.scoped)
