/** One tarball as it goes over the wire. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { makeBlock } from "../block.ts"
import { formatReprDigest } from "../domain/digest.ts"
import type { Commit, EpisodeId, Sha256 } from "../domain/names.ts"
import { header } from "../domain/protocol.ts"
import { exchange, readAnswer } from "./exchange.ts"
import { Link, type Meter, PIECE_BYTES } from "./Link.ts"
import { Progress } from "./Progress.ts"

export interface Parcel {
  readonly episodeId: EpisodeId
  readonly tarball: string
  readonly bytes: number
  readonly sha256: Sha256
  readonly contentSha256: Sha256
  readonly commit: Commit | undefined
}

/** The tarball's own file cannot be read: the host's trouble, and neither the line's nor the receiver's. */
export class TarballUnreadable extends Data.TaggedError("TarballUnreadable")<{ readonly why: PlatformError }> {}

/** What is said of a tarball before its first byte. */
export const parcelHeaders = ({ commit, contentSha256, sha256 }: Parcel) => ({
  [header.reprDigest]: formatReprDigest(sha256),
  [header.contentSha256]: contentSha256,
  ...(commit !== undefined && { [header.codeCommit]: commit })
})

/** Up to this size a tarball is read at once and sent from memory. */
const AT_ONCE_BYTES = 1024 * 1024
/** Read at a time for a limited line. */
const CHUNK_BYTES = 256 * 1024

/** A part of a tarball. */
export interface Part {
  readonly from: number
  readonly bytes: number
  /** Its media type. */
  readonly type: string
}

const piecesOf = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, at) =>
    bytes.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES)
  )

/** As much as there is room for, or is left of the file. */
const fill = Effect.fnUntraced(function* (file: FileSystem.File, room: Uint8Array, from: number) {
  let filled = 0
  for (let read = -1; read !== 0 && filled < room.length; filled += read)
    read = yield* file.read(room.subarray(filled), { position: BigInt(from + filled) })
  return room.subarray(0, filled)
})

/**
 * The part in pieces of `PIECE_BYTES`, all in the same memory: those of one reading are gone when the next one is asked for, which is
 * when the connection has taken them. Only the last piece of all is smaller.
 */
const passing = (fs: FileSystem.FileSystem, path: string, { bytes, from }: Part) =>
  Stream.unwrap(
    Effect.map(fs.open(path), (file) => {
      // Not to be freed: the connection may hold the last pieces when nobody asks for more.
      const block = makeBlock(bytes)
      return Stream.paginate(0, (done) =>
        Effect.map(fill(file, block.subarray(0, bytes - done), from + done), (read) => {
          const next = done + read.length
          return [piecesOf(read), read.length === 0 || next === bytes ? Option.none() : Option.some(next)] as const
        })
      )
    })
  )

interface Sending extends Meter {
  /** Why the body came to no end: of this the connection says only that it failed. */
  unreadable?: TarballUnreadable
}

/** The part as a body; `sending` counts what of it was handed to the connection, `onMoved` hears of it. */
const partBody = Effect.fnUntraced(function* (
  parcel: Parcel,
  part: Part,
  sending: Sending,
  onMoved: (moved: number) => void
) {
  const fs = yield* FileSystem.FileSystem
  const link = yield* Link
  const progress = yield* Progress
  const moved = (bytes: number) => {
    sending.moved += bytes
    progress.steps++
    progress.sentBytes += bytes
    onMoved(sending.moved)
  }
  const counted = <E>(pieces: Stream.Stream<Uint8Array, E>) =>
    Stream.tap(pieces, (piece) => Effect.sync(() => moved(piece.length)))
  if (parcel.bytes <= AT_ONCE_BYTES && part.bytes === parcel.bytes && link.unlimited) {
    const bytes = yield* Effect.mapError(fs.readFile(parcel.tarball), (why) => new TarballUnreadable({ why }))
    if (bytes.length > PIECE_BYTES)
      return HttpBody.stream(counted(Stream.fromIterable(piecesOf(bytes))), part.type, bytes.length)
    moved(bytes.length)
    return HttpBody.uint8Array(bytes, part.type)
  }
  if (part.bytes === 0) return HttpBody.uint8Array(new Uint8Array(0), part.type)
  // A limited line takes pieces too small for undici to wait until each has gone: those need memory of their own.
  const file = link.unlimited
    ? passing(fs, parcel.tarball, part)
    : fs.stream(parcel.tarball, { offset: part.from, bytesToRead: part.bytes, chunkSize: CHUNK_BYTES })
  const read = Stream.tapError(file, (why) =>
    Effect.sync(() => {
      sending.unreadable = new TarballUnreadable({ why })
    })
  )
  return HttpBody.stream(counted(link.throttle(read, sending)), part.type, part.bytes)
})

/** Does a request with the part as its body; `onMoved` hears how much of it was handed to the connection. */
export const exchangePart = Effect.fnUntraced(function* (
  request: HttpClientRequest.HttpClientRequest,
  parcel: Parcel,
  part: Part,
  onMoved: (moved: number) => void = () => undefined
) {
  const { admit } = yield* Link
  const sending: Sending = { moved: 0 }
  const body = yield* partBody(parcel, part, sending, onMoved)
  return yield* admit(exchange(HttpClientRequest.setBody(request, body), readAnswer, sending)).pipe(
    Effect.catchTag("Unanswered", (error) => Effect.fail(sending.unreadable ?? error))
  )
})
