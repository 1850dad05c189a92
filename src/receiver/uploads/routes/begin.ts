import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import { type Problem, path, type StoredAnswer } from "../../../domain/protocol.ts"
import { RESUMPTION_SUPPORTED } from "../../../domain/upload/fields.ts"
import { Interim } from "../../../services/Interim.ts"
import { json } from "../../answers.ts"
import { abandonable } from "../../body.ts"
import { Gate } from "../../gate.ts"
import { type Client, mayWriteAs } from "../../identity.ts"
import { Intake } from "../../intake.ts"
import { respondProblem } from "../../problems.ts"
import { ask, refuseIf } from "../../questions.ts"
import { namesIn, type Target } from "../../target.ts"
import { logged, type Said, STATUS, saidOf } from "../../uploadLog.ts"
import { type Creation, creationIn, takesInterim } from "../fields.ts"
import {
  completeHeader,
  interimHeaders,
  limitHeader,
  offsetHeader,
  refusalHeaders,
  standingHeaders
} from "../headers.ts"
import { alone, type Upload } from "../Upload.ts"
import { Uploads } from "../Uploads.ts"

type Episode = Extract<Target, { readonly _tag: "Episode" }>

/** What a beginning came to. */
type Begun =
  /** `upload`: what came of the whole; none where nothing had to be sent. */
  | { readonly _tag: "Answered"; readonly answer: StoredAnswer; readonly upload?: Upload }
  | { readonly _tag: "Open"; readonly upload: Upload }
  /** There is an upload, and its body did not come to a good end. */
  | { readonly _tag: "Refused"; readonly problem: Problem; readonly upload: Upload }

const announced = Effect.fnUntraced(function* (request: HttpServerRequest, target: Episode, client: Client) {
  const gate = yield* Gate
  const names = yield* Effect.fromResult(namesIn(target))
  yield* refuseIf(mayWriteAs(client, names.hostId))
  return yield* Effect.fromResult(creationIn(names, request.headers, gate))
})

/** Takes what comes with the beginning, when something does. */
const takeFirst = Effect.fnUntraced(function* (request: HttpServerRequest, creation: Creation, upload: Upload) {
  const uploads = yield* Uploads
  const interim = yield* Interim
  const told = takesInterim(request.headers)
  const { bytes, isWhole, sha256 } = creation
  // The answer says it at once.
  if (bytes === 0 && !isWhole) return undefined
  if (told) {
    const headers = { location: path.upload(upload.token), ...limitHeader(yield* uploads.limitOf(upload)) }
    yield* interim(RESUMPTION_SUPPORTED, interimHeaders(headers))
  }
  return yield* alone(upload, (over) =>
    uploads.append(upload, request, { bytes, contentSha256: sha256, isLast: isWhole, over })
  ).pipe(
    // Nobody was told where to go on.
    Effect.tapError(() => (told ? Effect.void : uploads.giveUp(upload)))
  )
})

const decide = Effect.fnUntraced(function* (request: HttpServerRequest, target: Episode, client: Client) {
  const intake = yield* Intake
  const uploads = yield* Uploads
  const creation = yield* announced(request, target, client)
  const reply = yield* abandonable(ask(creation.announced, intake.roomFor))
  if (reply._tag === "Known") return { _tag: "Answered", answer: reply.answer } satisfies Begun as Begun
  const upload = yield* uploads.begin(creation.announced)
  return yield* takeFirst(request, creation, upload).pipe(
    Effect.match({
      onFailure: (problem): Begun => ({ _tag: "Refused", problem, upload }),
      onSuccess: (answer): Begun =>
        answer === undefined ? { _tag: "Open", upload } : { _tag: "Answered", answer, upload }
    })
  )
})

const said = (begun: Begun): Said => {
  switch (begun._tag) {
    case "Answered":
      return saidOf(begun.answer)
    case "Open":
      return { words: "an upload was begun", status: 201 }
    case "Refused":
      return { words: `an upload was begun and did not get through: ${begun.problem.error}`, status: 201 }
  }
}

const respond = Effect.fnUntraced(function* (begun: Begun) {
  const limit = yield* (yield* Uploads).limitOf(begun.upload)
  switch (begun._tag) {
    case "Answered": {
      const { answer, upload } = begun
      const location = upload === undefined ? {} : { location: path.upload(upload.token) }
      const headers = { ...location, ...completeHeader(true), ...offsetHeader(answer.bytes) }
      return json(STATUS[answer.status], answer, headers)
    }
    case "Open": {
      const location = path.upload(begun.upload.token)
      const body = { status: "begun", upload: location, offset: begun.upload.offset }
      return json(201, body, { location, ...standingHeaders(begun.upload, limit) })
    }
    case "Refused": {
      const { problem, upload } = begun
      const location = upload.fate === "open" ? { location: path.upload(upload.token) } : {}
      return respondProblem(problem, { ...location, ...refusalHeaders(problem, limit, upload) })
    }
  }
})

/** `POST /v1/episodes/{host_id}/{episode_id}`, and a PUT that announces the draft: makes an upload that may be resumed. */
export const begin = Effect.fnUntraced(function* (request: HttpServerRequest, target: Episode, client: Client) {
  const uploads = yield* Uploads
  const work = logged(request, target, said, (onBytes) =>
    Effect.tap(decide(request, target, client), ({ upload }) => Effect.sync(() => onBytes(upload?.offset ?? 0)))
  )
  return yield* work.pipe(
    Effect.flatMap(respond),
    Effect.catch((problem) =>
      Effect.map(uploads.limitOf(), (limit) => respondProblem(problem, refusalHeaders(problem, limit)))
    )
  )
})
