/** An open file, as Effect's layer for Node gives it. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { badArgument, type PlatformError, systemError } from "effect/PlatformError"
import type { Random } from "../kernel/random.ts"
import type { Ask, Purpose } from "./ask.ts"
import type { Calls, OpenFile, Stat } from "./disk.ts"

const USER = 1000
const KINDS: Readonly<Record<Stat["type"], number>> = {
  File: 0o100000,
  Directory: 0o040000,
  SymbolicLink: 0o120000,
  FIFO: 0o010000
}
const BLOCK = 512
const dateOf = (nanos: bigint): Option.Option<Date> => Option.some(new Date(Number(nanos / 1_000_000n)))

export const infoOf = (stat: Stat): FileSystem.File.Info => ({
  type: stat.type,
  mtime: dateOf(stat.mtimeNs),
  atime: dateOf(stat.atimeNs),
  birthtime: dateOf(stat.birthtimeNs),
  dev: BigInt(stat.dev),
  rdev: Option.some(0n),
  ino: Option.some(BigInt(stat.ino)),
  mode: KINDS[stat.type] | stat.mode,
  nlink: Option.some(BigInt(stat.nlink)),
  uid: Option.some(USER),
  gid: Option.some(USER),
  size: ByteSize.bytes(BigInt(stat.size)),
  blksize: Option.some(ByteSize.bytes(4096n)),
  blocks: Option.some(BigInt(Math.ceil(stat.size / BLOCK)))
})

const refused = (method: string, description: string): Effect.Effect<never, PlatformError> =>
  Effect.fail(badArgument({ module: "FileSystem", method, description }))

/** A disk may take less than it is given, at any time (write(2)). */
const SHORT_WRITES = 0.05

/** Writes at one place, or behind the end; some of it or all. */
export const writeSome = (
  calls: Calls,
  random: Random,
  file: OpenFile,
  bytes: Uint8Array,
  position: number
): number => {
  const short = bytes.length > 1 && random.chance(SHORT_WRITES)
  return calls.write(file, short ? bytes.subarray(0, 1 + random.int(bytes.length - 1)) : bytes, position)
}

export const makeHandle = (options: {
  readonly ask: Ask
  readonly calls: Calls
  readonly random: Random
  readonly file: OpenFile
  readonly path: string
}): FileSystem.File => {
  const { ask, calls, file, path, random } = options
  const append = file.flags.append === true
  let cursor = 0n

  const purpose = (method: string): Purpose => ({ module: "FileSystem", method, about: file.fd })

  const readAt = (method: string, buffer: Uint8Array, position: bigint | undefined) =>
    Effect.suspend(() => {
      if (position !== undefined && position < 0n) return refused(method, "Cannot read before the start of the file")
      const at = position ?? cursor
      return ask(purpose(method), { name: "read", target: path }, () => calls.read(file, buffer, Number(at))).pipe(
        Effect.tap((count) => {
          if (position === undefined) cursor = at + BigInt(count)
          return Effect.void
        })
      )
    })

  const write = (method: string, bytes: Uint8Array) =>
    Effect.suspend(() => {
      const at = cursor
      return ask(purpose(method), { name: "write", target: path, mutates: true }, () =>
        writeSome(calls, random, file, bytes, Number(at))
      ).pipe(
        Effect.tap((count) => {
          if (!append) cursor = at + BigInt(count)
          return Effect.void
        })
      )
    })

  const writeAll = (bytes: Uint8Array): Effect.Effect<void, PlatformError> =>
    bytes.length === 0
      ? Effect.void
      : Effect.flatMap(write("writeAll", bytes), (count) =>
          count === 0 ? wroteNothing : writeAll(bytes.subarray(count))
        )

  const wroteNothing = Effect.fail(
    systemError({
      module: "FileSystem",
      method: "writeAll",
      _tag: "WriteZero",
      pathOrDescriptor: file.fd,
      description: "write returned 0 bytes written"
    })
  )

  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: Effect.map(
      ask(purpose("stat"), { name: "stat", syscall: "fstat", target: path }, () => calls.fstat(file)),
      infoOf
    ),
    sync: ask(
      purpose("sync"),
      { name: "sync", syscall: "fsync", target: path, mutates: true, onFailure: () => calls.failSync(file) },
      () => calls.fsync(file)
    ),
    seek: (offset, from) =>
      Effect.suspend(() => {
        const position = from === "start" ? offset : cursor + offset
        if (position < 0n) return refused("seek", "Cannot seek before the start of the file")
        cursor = position
        return Effect.succeed(position)
      }),
    read: (buffer, given) => readAt("read", buffer, given?.position),
    readAlloc: (size, given) =>
      Effect.suspend(() => {
        if (!Number.isInteger(size) || size < 0) return refused("readAlloc", "size must be a non-negative integer")
        const buffer = new Uint8Array(size)
        return Effect.map(readAt("readAlloc", buffer, given?.position), (count) =>
          count === 0 ? Option.none() : Option.some(count === size ? buffer : buffer.slice(0, count))
        )
      }),
    truncate: (length = 0) =>
      ask(purpose("truncate"), { name: "truncate", syscall: "ftruncate", target: path, mutates: true }, () =>
        calls.ftruncate(file, Math.max(0, length))
      ).pipe(
        Effect.tap(() => {
          if (!append && cursor > BigInt(length)) cursor = BigInt(length)
          return Effect.void
        })
      ),
    write: (bytes) => write("write", bytes),
    writeAll
  }
}
