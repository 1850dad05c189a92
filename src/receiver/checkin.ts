import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Schema from "effect/Schema"
import { type PingAnswer, PingBody } from "../domain/ping.ts"
import { type Problem, SCHEMA_VERSION } from "../domain/protocol.ts"
import { json } from "./answers.ts"
import { abandonable } from "./body.ts"
import { Gate } from "./gate.ts"
import { Hosts } from "./hosts.ts"
import { type Client, mayWriteAs } from "./identity.ts"
import { Limits } from "./limits.ts"
import { refuseIf } from "./questions.ts"
import { readJsonBody } from "./readJsonBody.ts"
import type { Target } from "./target.ts"

const MAX_BODY_BYTES = 64 * 1024

const decode = Schema.decodeUnknownEffect(PingBody)

const malformed = (words: string): Problem => ({
  problem: "bad-request",
  error: `the body is not what a host says of itself: ${words.replaceAll(/\s+/g, " ")}`,
  remediation: 'send {"host_id": "…"} as JSON, with what else the API description names'
})

/** `POST /v1/ping`: what a host says of itself, answered with what it needs to know before it records. */
export const checkIn = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  _target: Extract<Target, { readonly _tag: "Ping" }>,
  client: Client
) {
  const limits = yield* Limits
  const gate = yield* Gate
  const hosts = yield* Hosts
  const body = yield* readJsonBody(request, MAX_BODY_BYTES)
  const said = yield* Effect.mapError(decode(body), (error) => malformed(error.message))
  yield* refuseIf(mayWriteAs(client, said.host_id))
  yield* hosts.remember(said)
  const commit = said.commit ?? undefined
  const allowed = commit === undefined ? undefined : yield* abandonable(gate.allows(commit))
  return json(200, {
    ok: true,
    host_id: said.host_id,
    schema_version: SCHEMA_VERSION,
    server_time: DateTime.formatIso(yield* DateTime.now),
    max_episode_bytes: limits.maxEpisodeBytes,
    head_commit: yield* abandonable(gate.head),
    ...(allowed === undefined ? {} : { commit_allowed: allowed })
  } satisfies PingAnswer)
})
