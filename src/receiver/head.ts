import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { formatReprDigest } from "../domain/digest.ts"
import { header, type Problem } from "../domain/protocol.ts"
import { Dataset } from "./Dataset.ts"
import { type Client, mayWriteAs } from "./identity.ts"
import { refuseIf } from "./questions.ts"
import { isFull } from "./rows.ts"
import { namesIn, type Target } from "./target.ts"

/** `HEAD /v1/episodes/{host_id}/{episode_id}`: the digests, as far as they are known, and the size of the stored copy. One that is lost is not stored. */
export const lookUp = Effect.fnUntraced(function* (
  _request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: "Episode" }>,
  client: Client
) {
  const dataset = yield* Dataset
  const names = yield* Effect.fromResult(namesIn(target))
  yield* refuseIf(mayWriteAs(client, names.hostId))
  const standing = yield* dataset.standing(names.hostId, names.episodeId)
  if (standing._tag !== "Present") {
    return yield* Effect.fail<Problem>({
      problem: "not-stored",
      error: `${names.episodeId} of ${names.hostId} is not stored here`
    })
  }
  return HttpServerResponse.empty({
    status: 200,
    headers: {
      "content-type": "application/zstd",
      "content-length": String(standing.row.bytes),
      [header.reprDigest]: formatReprDigest(standing.row.sha256),
      ...(isFull(standing.row) ? { [header.contentSha256]: standing.row.content_sha256 } : {})
    }
  })
})
