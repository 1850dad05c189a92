/** Uploads that may be resumed: draft-ietf-httpbis-resumable-upload, interop version 8. */
import type { ProblemName } from "../../domain/protocol.ts"
import { PARTIAL_UPLOAD, uploadHeader } from "../../domain/upload/fields.ts"
import {
  answer,
  commit,
  count,
  fields,
  object,
  parameter,
  refusals,
  reprDigest,
  type Schema,
  sha256,
  stored,
  text,
  token
} from "./parts.ts"

const boolean: Schema = { type: "string", pattern: "^\\?[01]$" }
const integer: Schema = { type: "string", pattern: "^[0-9]{1,15}$" }
const location: Schema = { type: "string", pattern: "^/v1/uploads/[0-9a-f]{32}$" }
const limit: Schema = { type: "string", pattern: "^max-size=[0-9]+, max-age=[0-9]+$" }

const complete = { [uploadHeader.complete]: boolean }
const standing = fields({
  [uploadHeader.offset]: integer,
  ...complete,
  [uploadHeader.length]: integer,
  [uploadHeader.limit]: limit,
  "cache-control": { const: "no-store" }
})

const completeField = parameter(
  "header",
  "Upload-Complete",
  boolean,
  "`?1` when nothing of the tarball comes behind this body."
)
const contentDigest = parameter(
  "header",
  "Content-Digest",
  reprDigest,
  "SHA-256 of this body (RFC 9530): if it does not fit, nothing of the body counts.",
  false
)

const ofCaller: ReadonlyArray<ProblemName> = ["unauthenticated", "certificate-refused"]
const ofEnd: ReadonlyArray<ProblemName> = [
  "other-content",
  "stored-copy-lost",
  "out-of-window",
  "too-large",
  "digest-mismatch",
  "invalid-archive",
  "too-many-uploads",
  "internal",
  "unavailable",
  "commit-unknown",
  "disk-full"
]

export const beginUpload = {
  summary: "Begin an upload that may be resumed",
  description:
    "What can be refused from the headers is refused here. The body may hold the beginning of the tarball, or all of it. With `Upload-Draft-Interop-Version: 8` a request that carries content is told in a 104 where it can be resumed.",
  security: token,
  parameters: [
    completeField,
    parameter(
      "header",
      "Upload-Length",
      integer,
      "Bytes of the tarball; not needed where the body is all of it.",
      false
    ),
    parameter("header", "Repr-Digest", reprDigest, "SHA-256 of the tarball (RFC 9530)."),
    parameter("header", "X-Cis490-Code-Commit", commit, "Required while the gate is on.", false),
    parameter("header", "X-Cis490-Content-Sha256", sha256, "Of the manifest of the files.", false),
    parameter("header", "traceparent", text, "W3C trace context: its trace id is in the log.", false),
    contentDigest
  ],
  requestBody: { required: false, content: { "application/zstd": {} } },
  responses: {
    200: {
      ...answer("The same content is already there: nothing has to be sent", stored("already_present")),
      headers: fields(complete)
    },
    201: {
      ...answer("Begun, or stored when the body was all of it", {
        oneOf: [object({ status: { const: "begun" }, upload: text, offset: count }), stored("stored")]
      }),
      headers: fields({ location, ...complete, [uploadHeader.offset]: integer })
    },
    ...refusals([
      "bad-name",
      "bad-request",
      "missing-commit",
      "bad-commit",
      "bad-digest",
      "inconsistent-upload-length",
      ...ofCaller,
      "wrong-host",
      "body-stalled",
      "length-required",
      ...ofEnd,
      "too-many-open-uploads"
    ])
  }
}

export const uploadLimits = {
  summary: "Ask what uploads have to keep to",
  security: token,
  responses: {
    204: { description: "It says so in Upload-Limit", headers: fields({ [uploadHeader.limit]: limit }) },
    ...refusals(["bad-name", ...ofCaller, "wrong-host"])
  }
}

const look = {
  summary: "Ask how far an upload is",
  description: "Ends a request that is still at it. A stored upload is remembered for an hour.",
  security: token,
  responses: {
    204: { description: "The offset to go on from", headers: standing },
    ...refusals([...ofCaller, "no-upload"])
  }
}

const proceed = {
  summary: "Append to an upload",
  description:
    "The last append is answered as a PUT of the whole. After an answer in the 5xx, 408 and 429, ask and go on.",
  security: token,
  parameters: [
    completeField,
    parameter("header", "Upload-Offset", integer, "Where the body begins: the offset that was told last."),
    contentDigest
  ],
  requestBody: { required: true, content: { [PARTIAL_UPLOAD]: {} } },
  responses: {
    200: {
      ...answer("The same content is already there: about the stored copy", stored("already_present")),
      headers: fields(complete)
    },
    201: { ...answer("Stored, file and index row durable", stored("stored")), headers: fields(complete) },
    204: { description: "Taken, durably; more has to come", headers: standing },
    ...refusals([
      "bad-request",
      "bad-digest",
      "inconsistent-upload-length",
      "completed-upload",
      ...ofCaller,
      "no-upload",
      "body-stalled",
      "mismatching-upload-offset",
      "no-partial-upload",
      ...ofEnd
    ])
  }
}

const cancel = {
  summary: "Give an upload up",
  security: token,
  responses: {
    204: { description: "It is gone; an episode that is stored stays" },
    ...refusals([...ofCaller, "no-upload"])
  }
}

export const uploadPaths = {
  "/v1/uploads/{token}": {
    parameters: [parameter("path", "token", { type: "string", pattern: "^[0-9a-f]{32}$" }, "Out of Location.")],
    head: look,
    get: look,
    patch: proceed,
    delete: cancel
  }
}
