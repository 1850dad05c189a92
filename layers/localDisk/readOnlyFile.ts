import * as NodeFs from "node:fs"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import { infoOf } from "./info.ts"
import { inPlace } from "./inPlace.ts"
import { onThread } from "./onThread.ts"

/** So much the page cache gives in less time than a turn of the thread pool takes. More is read there, and overlaps. */
const IN_PLACE_BYTES = 128 * 1024

const beforeTheStart = (method: string) =>
  PlatformError.badArgument({
    module: "FileSystem",
    method,
    description:
      method === "seek" ? "Cannot seek before the start of the file" : "Cannot read before the start of the file"
  })

/** An open file, or a directory that is open to be synced. What would change it fails as the kernel has it. */
export const readOnlyFile = (descriptor: number): FileSystem.File => {
  let position = 0n

  const readAt = (method: string, buffer: Uint8Array, at: bigint) =>
    buffer.length <= IN_PLACE_BYTES
      ? inPlace(method, descriptor, () => NodeFs.readSync(descriptor, buffer, { position: at }))
      : onThread<number>(method, descriptor, 0, (done) => NodeFs.read(descriptor, { buffer, position: at }, done))

  const readInto = (method: string, buffer: Uint8Array, explicit: bigint | undefined) =>
    Effect.suspend(() => {
      const from = explicit ?? position
      if (from < 0n) return Effect.fail(beforeTheStart(method))
      return Effect.tap(readAt(method, buffer, from), (bytes) =>
        Effect.sync(() => {
          if (explicit === undefined) position = from + BigInt(bytes)
        })
      )
    })

  const allocated = Effect.fnUntraced(function* (size: number, explicit: bigint | undefined) {
    const buffer = yield* inPlace("readAlloc", descriptor, () => Buffer.allocUnsafeSlow(size))
    const bytes = yield* readInto("readAlloc", buffer, explicit)
    return bytes === 0 ? Option.none() : Option.some(buffer.subarray(0, bytes))
  })

  const write = (method: string, bytes: Uint8Array) =>
    inPlace(method, descriptor, () => NodeFs.writeSync(descriptor, bytes))

  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: inPlace("stat", descriptor, () => infoOf(NodeFs.fstatSync(descriptor, { bigint: true }))),
    sync: onThread<void>("sync", descriptor, undefined, (done) => NodeFs.fsync(descriptor, done)),
    seek: (offset, from) =>
      Effect.suspend(() => {
        const next = from === "start" ? offset : position + offset
        if (next < 0n) return Effect.fail(beforeTheStart("seek"))
        position = next
        return Effect.succeed(position)
      }),
    read: (buffer, options) => readInto("read", buffer, options?.position),
    readAlloc: (size, options) => allocated(size, options?.position),
    truncate: (length) => inPlace("truncate", descriptor, () => NodeFs.ftruncateSync(descriptor, length)),
    write: (bytes) => write("write", bytes),
    writeAll: (bytes) => (bytes.length === 0 ? Effect.void : Effect.asVoid(write("writeAll", bytes)))
  }
}
