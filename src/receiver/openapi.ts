/** The description of every route, OpenAPI 3.1: what `GET /v1/openapi.json` serves. A test holds the server to it. */
import { header, path } from "../domain/protocol.ts"
import { masterPaths } from "./openapi/master.ts"
import {
  answer,
  commit,
  count,
  episodeId,
  fields,
  hostId,
  object,
  orNull,
  parameter,
  refusals,
  reprDigest,
  sha256,
  stored,
  text,
  time,
  token
} from "./openapi/parts.ts"
import { beginUpload, uploadLimits, uploadPaths } from "./openapi/uploads.ts"

const names = [
  parameter("path", "host_id", hostId, "Who recorded. Not percent-encoded."),
  parameter("path", "episode_id", episodeId, "What was recorded. Not percent-encoded.")
]

const put = {
  summary: "Store an episode",
  description:
    "Create-only and idempotent. A 201 or 200 says that this content is durable. What can be refused from the headers is refused before the body is read.",
  security: token,
  parameters: [
    parameter("header", "Content-Length", count, "Bytes of the body."),
    parameter("header", "Repr-Digest", reprDigest, "SHA-256 of the body (RFC 9530)."),
    parameter("header", "X-Cis490-Code-Commit", commit, "Required while the gate is on.", false),
    parameter("header", "X-Cis490-Content-Sha256", sha256, "Of the manifest of the files.", false),
    parameter("header", "traceparent", text, "W3C trace context: its trace id is in the log.", false),
    parameter(
      "header",
      "Upload-Complete",
      { type: "string" },
      "`?1`, with `Upload-Draft-Interop-Version: 8`: a 104 says where the rest can be sent if this is cut.",
      false
    )
  ],
  requestBody: {
    required: true,
    description: "zstd-compressed POSIX tar with one top directory, named as the episode.",
    content: { "application/zstd": {} }
  },
  responses: {
    200: answer("The same content is already there: about the stored copy", stored("already_present")),
    201: answer("Stored, file and index row durable", stored("stored")),
    ...refusals([
      "bad-name",
      "missing-commit",
      "bad-commit",
      "bad-digest",
      "inconsistent-upload-length",
      "unauthenticated",
      "certificate-refused",
      "wrong-host",
      "body-stalled",
      "other-content",
      "stored-copy-lost",
      "length-required",
      "out-of-window",
      "too-large",
      "digest-mismatch",
      "invalid-archive",
      "too-many-uploads",
      "too-many-open-uploads",
      "internal",
      "unavailable",
      "commit-unknown",
      "disk-full"
    ])
  }
}

const head = {
  summary: "Ask whether an episode is stored",
  security: token,
  responses: {
    200: {
      description: "Stored; Content-Length is that of the tarball",
      headers: fields({
        [header.reprDigest]: reprDigest,
        [header.contentSha256]: sha256,
        "content-length": { type: "string", pattern: "^[0-9]+$" }
      })
    },
    ...refusals([
      "bad-name",
      "unauthenticated",
      "certificate-refused",
      "wrong-host",
      "not-stored",
      "internal",
      "unavailable"
    ])
  }
}

const ping = {
  summary: "Say how a host is, hear whether its next episodes would be let in",
  security: token,
  requestBody: {
    required: true,
    content: {
      "application/json": {
        schema: object(
          {
            host_id: hostId,
            commit: orNull(commit),
            version: orNull(text),
            instance_id: orNull(text),
            waiting: orNull(count),
            oldest_waiting_at: orNull(time),
            quarantined: orNull(count),
            conflicts: orNull(count),
            free_bytes: orNull(count)
          },
          ["commit", "version", "instance_id", "waiting", "oldest_waiting_at", "quarantined", "conflicts", "free_bytes"]
        )
      }
    }
  },
  responses: {
    200: answer(
      "Reached, authenticated, remembered",
      object(
        {
          ok: { const: true },
          host_id: hostId,
          schema_version: { const: 1 },
          server_time: time,
          max_episode_bytes: count,
          head_commit: orNull(commit),
          commit_allowed: { type: "boolean" }
        },
        ["commit_allowed"]
      )
    ),
    ...refusals([
      "bad-request",
      "unauthenticated",
      "certificate-refused",
      "wrong-host",
      "body-stalled",
      "length-required",
      "too-large",
      "internal",
      "unavailable"
    ])
  }
}

const health = {
  summary: "Ask whether the receiver could store something now",
  security: [],
  responses: {
    200: answer("It could", object({ ok: { const: true }, schema_version: { const: 1 }, server_time: time })),
    ...refusals(["unavailable"], { ok: { const: false } }),
    ...refusals(["internal"])
  }
}

export const openapi = {
  openapi: "3.1.0",
  info: {
    title: "CIS490 receiver",
    version: "1",
    description: `Errors are RFC 9457 problem documents with a string \`error\`; \`${header.problem}\` names them also where there is no body.`
  },
  paths: {
    "/v1/episodes/{host_id}/{episode_id}": { parameters: names, put, head, post: beginUpload, options: uploadLimits },
    ...uploadPaths,
    [path.ping]: { post: ping },
    ...masterPaths,
    [path.health]: { get: health },
    [path.openapi]: {
      get: {
        summary: "This description",
        security: [],
        responses: { 200: answer("An OpenAPI 3.1 document", { type: "object" }) }
      }
    }
  },
  components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" }, certificate: { type: "mutualTLS" } } }
} as const
