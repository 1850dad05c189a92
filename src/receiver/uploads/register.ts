/** Which uploads there are: they come, are found again, and go. */
import * as Clock from "effect/Clock"
import { SecureRandom } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import { TOKEN_BYTES, type UploadToken, uploadTokenOf } from "../../domain/upload/token.ts"
import * as Durable from "../../durable.ts"
import { orEndProgram } from "../Fatal.ts"
import { type Client, mayWriteAs } from "../identity.ts"
import type { Limits } from "../limits.ts"
import type { Announcement } from "../questions.ts"
import { steadyMillis } from "../steady.ts"
import type { Checks } from "./checks.ts"
import { makeDataFile, orLater, removeFiles } from "./dataFile.ts"
import { load } from "./load.ts"
import { makeShelf } from "./shelf.ts"
import { writeState } from "./state.ts"
import { makeUpload, noUpload, type Upload } from "./Upload.ts"

export const makeRegister = Effect.fnUntraced(function* (options: {
  readonly directory: string
  readonly bounds: Limits["Service"]["uploads"]
  readonly checks: Checks
}) {
  const { bounds, checks, directory } = options
  const random = yield* SecureRandom
  const shelf = makeShelf(bounds)
  for (const upload of yield* load(directory)) shelf.add(upload)

  /** Of one that is no longer open. */
  const clear = Effect.fnUntraced(function* (upload: Upload) {
    yield* checks.drop(upload.token)
    yield* Effect.catch(removeFiles(directory, upload.token), (error) =>
      Effect.logWarning(`an upload that is done with could not be removed: ${error.message}`)
    )
  })
  const keepInMind = Effect.fnUntraced(function* (upload: Upload) {
    upload.fate = "stored"
    upload.movedAt = yield* steadyMillis
    yield* clear(upload)
  })
  /** They are gone with the call, all of them, so that nobody comes to one meanwhile; their files go with the effect. */
  const dismiss = (
    uploads: ReadonlyArray<Upload>,
    say: (upload: Upload) => Effect.Effect<void> = () => Effect.void
  ) => {
    const open = uploads.filter(({ fate }) => fate === "open")
    for (const upload of uploads) {
      upload.fate = "gone"
      shelf.remove(upload.token)
    }
    return Effect.forEach(open, (upload) => Effect.andThen(say(upload), clear(upload)), { discard: true })
  }
  const giveUp = (upload: Upload) => Effect.suspend(() => dismiss([upload]))

  const sayExpired = ({ announced, offset }: Upload) =>
    Effect.logInfo("an upload that did not move any more has expired").pipe(
      Effect.annotateLogs({ host: announced.hostId, episode: announced.episodeId, offset })
    )
  const sweep = Effect.gen(function* () {
    const now = yield* steadyMillis
    yield* dismiss(shelf.overdue(now), sayExpired)
  })

  const begin = Effect.fnUntraced(function* (announced: Announcement) {
    const token = uploadTokenOf(yield* random.randomBytes(TOKEN_BYTES))
    const [progressAt, now] = [yield* Clock.currentTimeMillis, yield* steadyMillis]
    const leaving = shelf.toMakeRoom(announced, now)
    if ("problem" in leaving) return yield* Effect.fail(leaving)
    const upload = makeUpload(token, { announced, offset: 0 }, now)
    // Counted from now on: of two that come at once, one has to see the other.
    shelf.add(upload)
    yield* dismiss(leaving)
    yield* Durable.makeDirectory(directory).pipe(
      Effect.andThen(makeDataFile(directory, token)),
      // A crash here leaves data without a state, which the next start removes.
      Effect.andThen(writeState(directory, token, { announced, offset: 0, progressAt })),
      orEndProgram,
      orLater,
      Effect.tapError(() => giveUp(upload))
    )
    return upload
  })

  const find = Effect.fnUntraced(function* (token: UploadToken, client: Client) {
    const upload = shelf.get(token)
    if (upload === undefined || mayWriteAs(client, upload.announced.hostId) !== undefined) {
      return yield* Effect.fail(noUpload)
    }
    if (!shelf.isExpired(upload, yield* steadyMillis)) return upload
    yield* dismiss([upload], sayExpired)
    return yield* Effect.fail(noUpload)
  })

  return { begin, find, giveUp, keepInMind, open: shelf.open, sweep }
})
