import * as NodeFs from "node:fs"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import { codeOf } from "../../src/systemError.ts"
import type { Descriptors } from "./descriptors.ts"
import { infoOf } from "./info.ts"
import { inPlace } from "./inPlace.ts"
import { onThread } from "./onThread.ts"
import type { Syncs } from "./syncs.ts"

/** So much goes to or comes from the page cache in less time than a turn of the thread pool takes. More goes there, and overlaps. */
const IN_PLACE_BYTES = 128 * 1024

/** What a file system says that has no way past the page cache for this (open(2)); EOPNOTSUPP is ENOTSUP for Node. */
const TURNED_BACK: ReadonlySet<string | undefined> = new Set(["EINVAL", "ENOTSUP"])

const beforeTheStart = (method: string) =>
  PlatformError.badArgument({
    module: "FileSystem",
    method,
    description:
      method === "seek" ? "Cannot seek before the start of the file" : "Cannot read before the start of the file"
  })

const wroteNothing = (descriptor: number) =>
  PlatformError.systemError({
    module: "FileSystem",
    method: "writeAll",
    _tag: "WriteZero",
    pathOrDescriptor: descriptor,
    description: "write returned 0 bytes written"
  })

/** An open file, or a directory that is open to be synced. What `appends` is written at the end (open(2)), and reading goes on where it was. */
export const openFile = (descriptors: Descriptors, syncs: Syncs, appends: boolean): FileSystem.File => {
  const descriptor = descriptors.cached
  let position = 0n

  /** Past the page cache where that suits; through it where the file system turns it back. */
  const move = (
    bytes: Uint8Array,
    at: number,
    call: (descriptor: number) => Effect.Effect<number, PlatformError.PlatformError>
  ) => {
    const suiting = descriptors.descriptorFor(bytes, at)
    if (suiting === descriptor) return call(descriptor)
    return Effect.catchIf(
      call(suiting),
      (error) => TURNED_BACK.has(codeOf(error)),
      () => {
        descriptors.stopDirect()
        return call(descriptor)
      }
    )
  }

  const readAt = (method: string, buffer: Uint8Array, at: bigint) =>
    buffer.length <= IN_PLACE_BYTES
      ? inPlace(method, descriptor, () => NodeFs.readSync(descriptor, buffer, { position: at }))
      : move(buffer, Number(at), (from) =>
          onThread<number>(method, from, 0, (done) => NodeFs.read(from, { buffer, position: at }, done))
        )

  const readInto = (method: string, buffer: Uint8Array, explicit: bigint | undefined) =>
    Effect.suspend(() => {
      const from = explicit ?? position
      if (from < 0n) return Effect.fail(beforeTheStart(method))
      return Effect.map(readAt(method, buffer, from), (bytes) => {
        if (explicit === undefined) position = from + BigInt(bytes)
        return bytes
      })
    })

  const allocated = Effect.fnUntraced(function* (size: number, explicit: bigint | undefined) {
    const buffer = yield* inPlace("readAlloc", descriptor, () => Buffer.allocUnsafeSlow(size))
    const bytes = yield* readInto("readAlloc", buffer, explicit)
    return bytes === 0 ? Option.none() : Option.some(buffer.subarray(0, bytes))
  })

  const writeAt = (method: string, bytes: Uint8Array, at: number) =>
    bytes.length <= IN_PLACE_BYTES
      ? inPlace(method, descriptor, () => NodeFs.writeSync(descriptor, bytes, 0, bytes.length, at))
      : move(bytes, at, (to) =>
          onThread<number>(method, to, 0, (done) => NodeFs.write(to, bytes, 0, bytes.length, at, done))
        )

  const write = (method: string, bytes: Uint8Array) =>
    Effect.suspend(() =>
      Effect.map(writeAt(method, bytes, Number(position)), (written) => {
        if (!appends) position += BigInt(written)
        return written
      })
    )

  const writeAll = (bytes: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> =>
    bytes.length === 0
      ? Effect.void
      : Effect.flatMap(write("writeAll", bytes), (written) =>
          written === 0 ? Effect.fail(wroteNothing(descriptor)) : writeAll(bytes.subarray(written))
        )

  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: inPlace("stat", descriptor, () => infoOf(NodeFs.fstatSync(descriptor, { bigint: true }))),
    sync: syncs.sync(descriptor),
    seek: (offset, from) =>
      Effect.suspend(() => {
        const next = from === "start" ? offset : position + offset
        if (next < 0n) return Effect.fail(beforeTheStart("seek"))
        position = next
        return Effect.succeed(position)
      }),
    read: (buffer, options) => readInto("read", buffer, options?.position),
    readAlloc: (size, options) => allocated(size, options?.position),
    truncate: (length = 0) =>
      Effect.map(
        onThread<void>("truncate", descriptor, undefined, (done) => NodeFs.ftruncate(descriptor, length, done)),
        () => {
          if (position > length) position = BigInt(length)
        }
      ),
    write: (bytes) => write("write", bytes),
    writeAll
  }
}
