import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { type Change, type Coverage, Lookup, type Place } from "../services/Lookup.ts"
import { subjectOf } from "./rowLine.ts"

/** So few that what is made of them is done with before V8 takes it for something that lasts: four times as many took 36 MiB more. */
const CHUNK_BYTES = 64 * 1024
const NEWLINE = 0x0a
/** Unreadable lines that are named one by one. */
const NAMED_LINES = 10

export interface Followed {
  readonly coverage: Coverage | undefined
  /** Lines in what was read now that say nothing we understand. They are kept. */
  readonly unreadable: number
  /** Where the first of them begin, in bytes. */
  readonly unreadableAt: ReadonlyArray<number>
}

const utf8 = new TextDecoder()

export const sizeAndInode = (file: FileSystem.File) =>
  Effect.map(file.stat, (info) => ({
    size: Number(ByteSize.toBigInt(info.size)),
    inode: Option.match(info.ino, { onNone: () => "", onSome: String })
  }))

/** Fills `buffer` from `offset`, and gives the part that was filled: all of it except at the end of the file. */
const fill = Effect.fnUntraced(function* (file: FileSystem.File, offset: number, buffer: Uint8Array) {
  let filled = 0
  while (filled < buffer.length) {
    const read = yield* file.read(buffer.subarray(filled), { position: BigInt(offset + filled) })
    if (read === 0) break
    filled += read
  }
  return buffer.subarray(0, filled)
})

/** Up to `length` bytes from `offset`: fewer only at the end of the file. */
export const readAt = (file: FileSystem.File, offset: number, length: number) =>
  Effect.suspend(() => fill(file, offset, new Uint8Array(length)))

export const readTextAt = (file: FileSystem.File, offset: number, length: number) =>
  Effect.map(readAt(file, offset, length), (bytes) => utf8.decode(bytes))

/** Takes every whole line from `from` on: the bytes it stands in, from where to where, and where in the file. Gives where the last one ends. */
export const eachLine = Effect.fnUntraced(function* (
  file: FileSystem.File,
  from: number,
  take: (bytes: Uint8Array, start: number, to: number, offset: number) => void
) {
  let buffer = new Uint8Array(CHUNK_BYTES)
  for (let end = from; ; ) {
    const bytes = yield* fill(file, end, buffer)
    let start = 0
    for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, start)) {
      take(bytes, start, to, end + start)
      start = to + 1
    }
    end += start
    if (bytes.length < buffer.length) return end
    // A line that is longer than what was read: more at once.
    if (start === 0) buffer = new Uint8Array(buffer.length * 2)
  }
})

/** The coverage, if it is of this very file. */
const stillValid = Effect.fnUntraced(function* (file: FileSystem.File, coverage: Coverage | undefined) {
  if (coverage === undefined) return undefined
  const { size, inode } = yield* sizeAndInode(file)
  if (inode !== coverage.inode || size < coverage.bytes) return undefined
  const { offset, length, text } = coverage.lastLine
  return (yield* readTextAt(file, offset, length + 1)) === `${text}\n` ? coverage : undefined
})

/** Reads whole lines out of what comes in chunks. */
const makeLineReader = (inode: string, start: Coverage | undefined) => {
  let coverage = start
  let unreadable = 0
  const unreadableAt: Array<number> = []

  const read = (text: string, place: Place): Change | undefined => {
    const subject = subjectOf(text)
    if (Predicate.isObject(subject)) return { ...subject.name, place, stands: subject.stands }
    if (subject === "unreadable" && unreadable++ < NAMED_LINES) unreadableAt.push(place.offset)
    return undefined
  }

  return {
    /** The changes of the whole lines in `bytes`, which begin at `offset`. */
    changes: (bytes: Uint8Array, offset: number): ReadonlyArray<Change> => {
      const found: Array<Change> = []
      let last: Coverage["lastLine"] | undefined
      for (let from = 0, to = bytes.indexOf(NEWLINE); to >= 0; from = to + 1, to = bytes.indexOf(NEWLINE, from)) {
        const text = utf8.decode(bytes.subarray(from, to))
        const place = { offset: offset + from, length: to - from }
        const change = read(text, place)
        if (change !== undefined) found.push(change)
        last = { offset: place.offset, length: place.length, text }
      }
      if (last !== undefined) coverage = { bytes: last.offset + last.length + 1, inode, lastLine: last }
      return found
    },
    followed: (): Followed => ({ coverage, unreadable, unreadableAt })
  }
}

/**
 * Brings the lookup up to the end of the index, from its beginning when the lookup is empty or of another index. A last line that
 * is not whole yet is left for later. Memory does not grow with the index.
 */
export const followIndex = Effect.fnUntraced(function* (file: FileSystem.File) {
  const lookup = yield* Lookup
  const start = yield* stillValid(file, yield* lookup.coverage)
  if (start === undefined) yield* lookup.clear
  const reader = makeLineReader((yield* sizeAndInode(file)).inode, start)
  let buffer = new Uint8Array(CHUNK_BYTES)
  for (;;) {
    const offset = reader.followed().coverage?.bytes ?? 0
    const bytes = yield* fill(file, offset, buffer)
    const changes = reader.changes(bytes, offset)
    const coverage = reader.followed().coverage
    const moved = coverage !== undefined && coverage.bytes > offset
    if (moved) yield* lookup.apply(changes, coverage)
    if (bytes.length < buffer.length) break
    // A line that is longer than what was read: more at once.
    if (!moved) buffer = new Uint8Array(buffer.length * 2)
  }
  yield* lookup.settle
  return reader.followed()
})
