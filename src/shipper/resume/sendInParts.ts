/** One tarball by a resumable upload: go on where an earlier send was cut, or make an upload; then carry it to its end. */
import * as Effect from "effect/Effect"
import type { Unanswered } from "../Destination.ts"
import { clearUploadNote } from "../outbox.ts"
import type { Parcel } from "../parcel.ts"
import { answered, carry, type End, type Upload, verdictOf } from "./carry.ts"
import { Resumption } from "./Resumption.ts"
import { askOffset, create, type Step } from "./requests.ts"
import { readUploadNote, writeUploadNote } from "./uploadNote.ts"

/** Where to begin, or what the first answer was the end of. */
type Beginning = { readonly _tag: "Upload"; readonly upload: Upload } | End

const beginningOf = ({ reading, verdict }: Step, url: string | undefined): Beginning => {
  switch (reading._tag) {
    case "Begun":
      return { _tag: "Upload", upload: { url: reading.url, offset: 0, limit: reading.limit } }
    case "At":
      return url === undefined ? { _tag: "NoDraft" } : { _tag: "Upload", upload: { ...reading, url } }
    case "Gone":
    case "NoDraft":
      return reading
    case "Final":
    case "Ask":
    case "Smaller":
      return answered(verdict)
  }
}

const goOn = Effect.fnUntraced(function* (parcel: Parcel, url: string) {
  const beginning = beginningOf(yield* askOffset(parcel, url), url)
  const { handedBack } = yield* Resumption
  // Nothing had happened to one that made way.
  if (!handedBack.delete(parcel.episodeId) && beginning._tag === "Upload") {
    yield* Effect.logInfo("going on with an upload").pipe(
      Effect.annotateLogs({ episode: parcel.episodeId, offset: beginning.upload.offset, bytes: parcel.bytes })
    )
  }
  return beginning
})

/** As an append that was cut is asked about at once: else a link that drops would cost an episode its pass. */
const isCut = (trouble: Unanswered): boolean => {
  const verdict = verdictOf(trouble)
  return verdict._tag === "Transient" && verdict.reach === "three-running"
}

const begin = Effect.fnUntraced(function* (parcel: Parcel) {
  const created = yield* Effect.retry(create(parcel), {
    times: 1,
    while: (error) => error._tag === "Unanswered" && isCut(error)
  })
  const beginning = beginningOf(created, undefined)
  if (beginning._tag === "Upload") yield* writeUploadNote(parcel, beginning.upload.url)
  return beginning
})

/** A plain PUT came through where no upload did: the next tarballs go so at once. */
export const learnNotKnown = Effect.fnUntraced(function* (parcel: Parcel) {
  const { isNotKnown } = yield* Resumption
  if (!(yield* isNotKnown)) return
  yield* Effect.logWarning(
    "the receiver, or something before it, does not know resumable uploads: whatever is cut starts anew"
  ).pipe(Effect.annotateLogs({ episode: parcel.episodeId }))
})

/** What came of it; `undefined` where it can only be sent in one piece. `onTold` hears how many bytes the receiver has. */
export const sendInParts = Effect.fnUntraced(
  function* (parcel: Parcel, onTold: (offset: number) => void) {
    let noted = yield* readUploadNote(parcel)
    // A resource that is gone starts anew, once.
    for (let starts = 0; starts < 2; starts++) {
      const beginning = yield* noted === undefined ? begin(parcel) : goOn(parcel, noted)
      const end = beginning._tag === "Upload" ? yield* carry(parcel, beginning.upload, onTold) : beginning
      if (end._tag === "Answered") return end.verdict
      // Anybody on the way may have said so: the upload, if there is one, is not given up for it.
      if (end._tag === "NoDraft") return undefined
      yield* clearUploadNote(parcel.episodeId)
      yield* Effect.logInfo("the receiver does not have the upload any more").pipe(
        Effect.annotateLogs({ episode: parcel.episodeId })
      )
      noted = undefined
    }
    return undefined
  },
  Effect.catchTag("Unanswered", (trouble) => Effect.succeed(verdictOf(trouble)))
)
