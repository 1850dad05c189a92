import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type Client, mayWriteAs } from "../../identity.ts"
import { refuseIf } from "../../questions.ts"
import { namesIn, type Target } from "../../target.ts"
import { limitHeader } from "../headers.ts"
import { Uploads } from "../Uploads.ts"

/** `OPTIONS /v1/episodes/{host_id}/{episode_id}`: what uploads have to keep to. Told to those who may write, as all else. */
export const tellLimits = Effect.fnUntraced(function* (
  _request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: "Episode" }>,
  client: Client
) {
  const uploads = yield* Uploads
  const { hostId } = yield* Effect.fromResult(namesIn(target))
  yield* refuseIf(mayWriteAs(client, hostId))
  const headers = { allow: "HEAD, PUT, POST, OPTIONS", ...limitHeader(yield* uploads.limitOf()) }
  return HttpServerResponse.empty({ status: 204, headers })
})
