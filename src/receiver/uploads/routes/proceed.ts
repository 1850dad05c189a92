import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Result from "effect/Result"
import type { Problem, StoredAnswer } from "../../../domain/protocol.ts"
import { json } from "../../answers.ts"
import { abandonable } from "../../body.ts"
import type { Client } from "../../identity.ts"
import { respondProblem } from "../../problems.ts"
import { ask, refuseIf } from "../../questions.ts"
import type { Target } from "../../target.ts"
import { logged, type Said, STATUS, saidOf } from "../../uploadLog.ts"
import { type Continuation, continuationIn, misfit } from "../fields.ts"
import { completeHeader, offsetHeader, refusalHeaders, standingHeaders } from "../headers.ts"
import { alone, noUpload, type Upload } from "../Upload.ts"
import { Uploads } from "../Uploads.ts"
import { findUpload } from "./find.ts"

type AnUpload = Extract<Target, { readonly _tag: "Upload" }>

const completed: Problem = {
  problem: "completed-upload",
  error: "this upload is complete, and nothing can be appended to it",
  remediation: "HEAD on the episode says what is stored"
}

/** The last answer once more, for who missed it. */
const replay = Effect.fnUntraced(function* ({ announced }: Upload, { bytes, isLast, offset }: Continuation) {
  if (!isLast || offset !== announced.bytes || bytes !== 0) return yield* Effect.fail(completed)
  const reply = yield* abandonable(ask(announced, () => Effect.void))
  return reply._tag === "Known" ? reply.answer : yield* Effect.fail(noUpload)
})

const take = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  upload: Upload,
  part: Continuation,
  over: Effect.Effect<Problem>
) {
  const uploads = yield* Uploads
  if (upload.fate === "stored") return yield* replay(upload, part)
  yield* refuseIf(misfit(part, request.headers, upload.offset, upload.announced.bytes))
  return yield* uploads.append(upload, request, {
    bytes: part.bytes,
    contentSha256: part.sha256,
    isLast: part.isLast,
    over
  })
})

const proceedWith = Effect.fnUntraced(function* (request: HttpServerRequest, upload: Upload) {
  const part = yield* Effect.fromResult(continuationIn(request.headers))
  return yield* alone(upload, (over) => take(request, upload, part, over))
})

/** `PATCH /v1/uploads/{token}`: appends; the last one is answered as a PUT of the whole. */
export const proceed = Effect.fnUntraced(function* (request: HttpServerRequest, target: AnUpload, client: Client) {
  const uploads = yield* Uploads
  const upload = yield* findUpload(target, client)
  const before = upload.offset
  const step: Said = { words: "a part of an upload came", status: 204, isStep: true }
  const work = logged(
    request,
    upload.announced,
    (answer: StoredAnswer | undefined) => (answer === undefined ? step : saidOf(answer)),
    (onBytes) =>
      Effect.onExit(proceedWith(request, upload), (exit) =>
        Effect.sync(() => {
          const isStored = Exit.isSuccess(exit) && exit.value?.status === "stored"
          // The line about an episode that is stored is the one that a PUT would have left.
          onBytes(isStored ? upload.announced.bytes : upload.offset - before)
        })
      )
  )
  const exit = yield* Effect.result(work)
  const limit = yield* uploads.limitOf(upload)
  if (Result.isFailure(exit)) return respondProblem(exit.failure, refusalHeaders(exit.failure, limit, upload))
  const answer = exit.success
  return answer === undefined
    ? HttpServerResponse.empty({ status: 204, headers: standingHeaders(upload, limit) })
    : json(STATUS[answer.status], answer, { ...completeHeader(true), ...offsetHeader(upload.announced.bytes) })
})
