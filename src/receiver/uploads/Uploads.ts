/** Uploads that may be resumed (draft-ietf-httpbis-resumable-upload): made, appended to, completed, given up. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { Sha256 } from "../../domain/names.ts"
import type { Problem, ProblemName, StoredAnswer } from "../../domain/protocol.ts"
import type { UploadLimit } from "../../domain/upload/fields.ts"
import type { UploadToken } from "../../domain/upload/token.ts"
import { Codec } from "../../services/Codec.ts"
import { Volume } from "../../services/Volume.ts"
import { openBody } from "../body.ts"
import { Dataset } from "../Dataset.ts"
import { Fatal } from "../Fatal.ts"
import { Gate } from "../gate.ts"
import type { Client } from "../identity.ts"
import { Intake } from "../intake.ts"
import { Limits } from "../limits.ts"
import type { Announcement } from "../questions.ts"
import { Slots } from "../slots.ts"
import { steadyMillis } from "../steady.ts"
import { append } from "./append.ts"
import { makeChecks } from "./checks.ts"
import { complete } from "./complete.ts"
import { openDataFile, orLater } from "./dataFile.ts"
import { inconsistent } from "./fields.ts"
import { uploadsDirectory } from "./paths.ts"
import { makeRegister } from "./register.ts"
import { isFinal, noUpload, type Upload } from "./Upload.ts"

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

const tooLong = ({ announced }: Upload): Problem =>
  inconsistent(
    `the upload is longer than the ${announced.bytes} bytes that were announced; it is dropped`,
    "begin a new one, and announce all its bytes in Upload-Length"
  )
const tooShort = ({ announced, offset }: Upload): Problem =>
  inconsistent(
    `the upload was said to be complete with ${offset} of the ${announced.bytes} bytes that were announced`,
    "go on at the offset that a HEAD tells, and send the rest"
  )

/** Met while a body is read. */
const ENDS: ReadonlySet<ProblemName> = new Set(["inconsistent-upload-length", "too-large"])

/** How long what came may wait for more, before it is written. Milliseconds. */
const GATHER_MILLIS = 1000

/** How often it is looked for uploads whose time is over. Milliseconds. */
const SWEEP = { least: 1000, most: 600_000 } as const

const make = Effect.fnUntraced(function* (options: { readonly incoming: string }) {
  const limits = yield* Limits
  const bounds = limits.uploads
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
  const { begin, find, giveUp, keepInMind, open, sweep } = yield* makeRegister({ directory, bounds, checks })

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
    open
  })
})

/** `incoming` is the directory that uploads arrive in; these have one of their own in it. */
export const layer = (options: { readonly incoming: string }) => Layer.effect(Uploads, make(options))
