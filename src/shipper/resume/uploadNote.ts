/**
 * `outbox/<id>.upload.json`: where the resumable upload of the tarball beside it lies at the receiver. It goes with the tarball; losing
 * it costs the bytes that were sent, never an episode.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { HostId, Sha256 } from "../../domain/names.ts"
import { uploadUrl } from "../../domain/upload/reading.ts"
import * as Durable from "../../durable.ts"
import { wordsOf } from "../../systemError.ts"
import { Destination } from "../Destination.ts"
import { Layout } from "../layout.ts"
import type { Parcel } from "../parcel.ts"
import { readJson } from "../readJson.ts"

export const UploadNote = Schema.Struct({
  url: Schema.String,
  /** As whom it was made. */
  host_id: HostId,
  /** Of the tarball. */
  sha256: Sha256,
  /** Of the tarball. */
  bytes: Schema.Int
})
export type UploadNote = typeof UploadNote.Type

const encode = Schema.encodeEffect(Schema.fromJsonString(UploadNote))

/** Where this very tarball goes on; `undefined` where nothing is noted of it as of this host, or a place that is not at the receiver. */
export const readUploadNote = Effect.fnUntraced(function* ({ bytes, episodeId, sha256 }: Parcel) {
  const paths = yield* Layout
  const destination = yield* Destination
  const reading = yield* readJson(paths.uploadNote(episodeId), UploadNote)
  if (reading._tag !== "Read") return undefined
  const note = reading.value
  const isOfThis = note.sha256 === sha256 && note.bytes === bytes && note.host_id === destination.hostId
  return isOfThis ? uploadUrl(note.url, destination.url) : undefined
})

/** One that cannot be made costs bytes after the next crash, and holds up nothing now. */
export const writeUploadNote = Effect.fnUntraced(function* ({ bytes, episodeId, sha256 }: Parcel, url: string) {
  const paths = yield* Layout
  const { hostId } = yield* Destination
  const note = yield* Effect.orDie(encode({ url, host_id: hostId, sha256, bytes }))
  yield* Effect.catch(
    // A crash before the rename leaves an upload at the receiver that nobody knows: it ends by itself.
    Durable.write(paths.uploadNote(episodeId), `${note}\n`, `${paths.state}/drafts/${episodeId}.upload`),
    (error) =>
      Effect.logWarning(`cannot note where the upload goes on: ${wordsOf(error)}`).pipe(
        Effect.annotateLogs({ episode: episodeId })
      )
  )
})
