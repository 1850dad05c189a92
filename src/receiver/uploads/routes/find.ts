import * as Effect from "effect/Effect"
import { isUploadToken } from "../../../domain/upload/token.ts"
import type { Client } from "../../identity.ts"
import type { Target } from "../../target.ts"
import { noUpload } from "../Upload.ts"
import { Uploads } from "../Uploads.ts"

/** The upload that a path names; whether there is one of somebody else is nobody's business. */
export const findUpload = Effect.fnUntraced(function* (
  { token }: Extract<Target, { readonly _tag: "Upload" }>,
  client: Client
) {
  const uploads = yield* Uploads
  return isUploadToken(token) ? yield* uploads.find(token, client) : yield* Effect.fail(noUpload)
})
