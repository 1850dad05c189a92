import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import { json } from "./answers.ts"
import { abandonable } from "./body.ts"
import { Gate } from "./gate.ts"
import { type Client, mayWriteAs } from "./identity.ts"
import { Intake } from "./intake.ts"
import { announcementIn, ask, refuseIf } from "./questions.ts"
import { namesIn, type Target } from "./target.ts"
import { logged, STATUS, saidOf } from "./uploadLog.ts"

type Episode = Extract<Target, { readonly _tag: "Episode" }>

const decide = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  target: Episode,
  client: Client,
  onBytes: (received: number) => void
) {
  const gate = yield* Gate
  const intake = yield* Intake
  const names = yield* Effect.fromResult(namesIn(target))
  yield* refuseIf(mayWriteAs(client, names.hostId))
  const announced = yield* Effect.fromResult(announcementIn(names, request.headers, gate))
  const reply = yield* abandonable(ask(announced, intake.roomFor))
  return reply._tag === "Known" ? reply.answer : yield* intake.take(request, announced, { isNew: reply.isNew, onBytes })
})

/** `PUT /v1/episodes/{host_id}/{episode_id}`: the whole in one request. */
export const upload = Effect.fnUntraced(function* (request: HttpServerRequest, target: Episode, client: Client) {
  const answer = yield* logged(request, target, saidOf, (onBytes) => decide(request, target, client, onBytes))
  return json(STATUS[answer.status], answer)
})
