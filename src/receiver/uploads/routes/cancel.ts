import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Client } from "../../identity.ts"
import type { Target } from "../../target.ts"
import { logged } from "../../uploadLog.ts"
import { alone } from "../Upload.ts"
import { Uploads } from "../Uploads.ts"
import { findUpload } from "./find.ts"

/** `DELETE /v1/uploads/{token}`: gives it up. An episode that is stored stays. */
export const cancel = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: "Upload" }>,
  client: Client
) {
  const uploads = yield* Uploads
  const upload = yield* findUpload(target, client)
  yield* logged(
    request,
    upload.announced,
    () => ({ words: "an upload was cancelled", status: 204 }),
    () => alone(upload, () => uploads.giveUp(upload))
  )
  return HttpServerResponse.empty({ status: 204 })
})
