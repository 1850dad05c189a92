import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Client } from "../../identity.ts"
import type { Target } from "../../target.ts"
import { standingHeaders } from "../headers.ts"
import { alone } from "../Upload.ts"
import { Uploads } from "../Uploads.ts"
import { findUpload } from "./find.ts"

/** `HEAD /v1/uploads/{token}`: how far it is. What is said can be gone on from: whoever was at it is through. */
export const look = Effect.fnUntraced(function* (
  _request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: "Upload" }>,
  client: Client
) {
  const uploads = yield* Uploads
  const upload = yield* findUpload(target, client)
  return yield* alone(upload, () =>
    Effect.map(uploads.limitOf(upload), (limit) =>
      HttpServerResponse.empty({ status: 204, headers: standingHeaders(upload, limit) })
    )
  )
})
