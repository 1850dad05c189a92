/** Uploads that may be resumed (draft-ietf-httpbis-resumable-upload): made, appended to, completed, given up. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { SecureRandom } from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { Sha256 } from "../../domain/names.ts"
import type { Problem, ProblemName, StoredAnswer } from "../../domain/protocol.ts"
import type { UploadLimit } from "../../domain/upload/fields.ts"
import { TOKEN_BYTES, type UploadToken, uploadTokenOf } from "../../domain/upload/token.ts"
import * as Durable from "../../durable.ts"
import { Codec } from "../../services/Codec.ts"
import { Volume } from "../../services/Volume.ts"
import { openBody } from "../body.ts"
import { Dataset } from "../Dataset.ts"
import { Fatal, orEndProgram } from "../Fatal.ts"
import { Gate } from "../gate.ts"
import { type Client, mayWriteAs } from "../identity.ts"
import { Intake } from "../intake.ts"
import { Limits } from "../limits.ts"
import type { Announcement } from "../questions.ts"
import { Slots } from "../slots.ts"
import { steadyMillis } from "../steady.ts"
import { append } from "./append.ts"
import { makeChecks } from "./checks.ts"
import { complete } from "./complete.ts"
import { makeDataFile, openDataFile, orLater, removeFiles } from "./dataFile.ts"
import { load } from "./load.ts"
import { uploadsDirectory } from "./paths.ts"
import { makeShelf } from "./shelf.ts"
import { writeState } from "./state.ts"
import { isFinal, makeUpload, noUpload, type Upload } from "./Upload.ts"

/** One append, as its headers say it. */
export interface Append {
  /** Of its body; `undefined` where it is not said. */
  readonly bytes: number | undefined
  /** Of its body. */
  readonly contentSha256: Sha256 | undefined
  /** With it the upload is complete. */
  readonly isLast: boolean
  /** Ends the reading: somebody newer came. */
  readonly over: Effect.Effect<Problem>
}

export class Uploads extends Context.Service<
  Uploads,
  {
    /** Makes one, durably. 429 when the host has too many open. */
    readonly begin: (announced: Announcement) => Effect.Effect<Upload, Problem>
    /** A stranger's is not found. */
    readonly find: (token: UploadToken, client: Client) => Effect.Effect<Upload, Problem>
    /**
     * Reads the body, which begins at the upload's offset; what came of it counts, also when this fails. The last one is answered as a
     * PUT of the whole would be: an answer that will not change ends the upload, whatever it is; any other leaves it as it is, to be
     * completed by an empty append. Not to be interrupted, and alone.
     */
    readonly append: (
      upload: Upload,
      request: HttpServerRequest,
      how: Append
    ) => Effect.Effect<StoredAnswer | undefined, Problem, Scope.Scope>
    /** Alone. */
    readonly giveUp: (upload: Upload) => Effect.Effect<void>
    /** What is said of the limits; of one upload, or of any. */
    readonly limitOf: (upload?: Upload) => Effect.Effect<UploadLimit>
    /** Of those that are not finished. */
    readonly open: () => ReadonlyArray<Upload>
  }
>()("cis490/receiver/uploads/Uploads") {}

const tooLong = ({ announced }: Upload): Problem => ({
  problem: "inconsistent-upload-length",
  error: `the upload is longer than the ${announced.bytes} bytes that were announced; it is dropped`
})
const tooShort = ({ announced, offset }: Upload): Problem => ({
  problem: "inconsistent-upload-length",
  error: `the upload was said to be complete with ${offset} of the ${announced.bytes} bytes that were announced`
})

/** Met while a body is read. */
const ENDS: ReadonlySet<ProblemName> = new Set(["inconsistent-upload-length", "too-large"])

/** How long what came may wait for more, before it is written. Milliseconds. */
const GATHER_MILLIS = 1000

/** How often it is looked for uploads whose time is over. Milliseconds. */
const SWEEP = { least: 1000, most: 600_000 } as const

const make = Effect.fnUntraced(function* (options: { readonly incoming: string }) {
  const limits = yield* Limits
  const bounds = limits.uploads
  const random = yield* SecureRandom
  const intake = yield* Intake
  const slots = yield* Slots
  // Not the scope: what a request keeps goes with the request.
  const context = Context.pick(
    Codec,
    Dataset,
    Fatal,
    FileSystem.FileSystem,
    Gate,
    Intake,
    Limits,
    Volume
  )(yield* Effect.context<Codec | Dataset | Fatal | FileSystem.FileSystem | Gate | Intake | Limits | Volume>())
  const directory = uploadsDirectory(options.incoming)
  const checks = yield* makeChecks
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

  /** Where its bytes go. What was acknowledged and is no longer there ends it. */
  const openOrDrop = Effect.fnUntraced(function* (upload: Upload) {
    const file = yield* orLater(openDataFile(directory, upload.token, upload.offset))
    if (file !== undefined) return file
    yield* Effect.logError("what was acknowledged of an upload is no longer on the disk; it is dropped")
    yield* giveUp(upload)
    return yield* Effect.fail(noUpload)
  })

  const receive = Effect.fnUntraced(function* (upload: Upload, request: HttpServerRequest, how: Append) {
    const file = yield* openOrDrop(upload)
    const left = upload.announced.bytes - upload.offset
    yield* intake.roomFor(left)
    const check = yield* checks.borrow(upload)
    const body = yield* openBody(
      request,
      {
        bytes: how.bytes ?? left,
        open: how.bytes === undefined,
        until: how.over,
        gatherMillis: GATHER_MILLIS,
        keeps: "what came is kept: ask for the offset and go on"
      },
      limits
    )
    yield* append({ directory, upload, file, check, contentSha256: how.contentSha256 }, body).pipe(
      Effect.mapError((problem) => (problem.problem === "bad-request" ? tooLong(upload) : problem))
    )
  }, Effect.scoped)

  const finish = Effect.fnUntraced(function* (upload: Upload) {
    const { announced, offset } = upload
    if (offset < announced.bytes) return yield* Effect.fail(tooShort(upload))
    return yield* complete({ incoming: options.incoming, directory, checks }, upload).pipe(
      Effect.tapError((problem) => (isFinal(problem) ? giveUp(upload) : Effect.void))
    )
  })

  const take = Effect.fnUntraced(
    function* (upload: Upload, request: HttpServerRequest, how: Append, answered: Scope.Scope) {
      const { hostId } = upload.announced
      yield* slots.take({ hostId, bytes: how.bytes ?? upload.announced.bytes - upload.offset })
      yield* receive(upload, request, how).pipe(
        // It cannot become what was announced, or not be taken.
        Effect.tapError(({ problem }) => (ENDS.has(problem) ? giveUp(upload) : Effect.void))
      )
      if (!how.isLast) return undefined
      const answer = yield* finish(upload).pipe(Scope.provide(answered))
      yield* keepInMind(upload)
      return answer
    },
    Effect.scoped,
    Effect.uninterruptible
  )

  const limitOf = Effect.fnUntraced(function* (upload?: Upload) {
    const age = upload === undefined ? 0 : (yield* steadyMillis) - upload.movedAt
    const maxAge = Math.max(0, Math.floor((bounds.expiryMillis - age) / 1000))
    return { maxSize: limits.maxEpisodeBytes, maxAge } satisfies UploadLimit as UploadLimit
  })

  yield* Effect.forkScoped(
    Effect.repeat(
      sweep.pipe(Effect.provideContext(context)),
      Schedule.spaced(Math.min(Math.max(bounds.expiryMillis / 10, SWEEP.least), SWEEP.most))
    )
  )
  return Uploads.of({
    begin: (announced) => begin(announced).pipe(Effect.provideContext(context)),
    find: (token, client) => find(token, client).pipe(Effect.provideContext(context)),
    append: (upload, request, how) =>
      Effect.flatMap(Effect.scope, (answered) =>
        take(upload, request, how, answered).pipe(Effect.provideContext(context))
      ),
    giveUp: (upload) => giveUp(upload).pipe(Effect.provideContext(context)),
    limitOf,
    open: shelf.open
  })
})

/** `incoming` is the directory that uploads arrive in; these have one of their own in it. */
export const layer = (options: { readonly incoming: string }) => Layer.effect(Uploads, make(options))
