/** What the description of a route is made of. */
import {
  header,
  PROBLEM_MEDIA_TYPE,
  type ProblemName,
  problems,
  problemType,
  type StoredAnswer
} from "../../domain/protocol.ts"
import { offsetMember } from "../../domain/upload/fields.ts"

export type Schema = Readonly<Record<string, unknown>>
export type Fields = Readonly<Record<string, Schema>>

export const text: Schema = { type: "string" }
export const count: Schema = { type: "integer", minimum: 0 }
export const time: Schema = { type: "string", format: "date-time" }
export const hostId: Schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" }
export const episodeId: Schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" }
export const sha256: Schema = { type: "string", pattern: "^[0-9a-f]{64}$" }
export const commit: Schema = { type: "string", pattern: "^[0-9a-f]{40}$" }
export const reprDigest: Schema = { type: "string", pattern: "^sha-256=:[A-Za-z0-9+/]{43}=:$" }

export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] })

/** Every member is required but those named optional. */
export const object = (properties: Fields, optional: ReadonlyArray<string> = []): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name))
})

/** What is in a copy that an older version accepted may not be known. */
export const stored = (status: StoredAnswer["status"]): Schema =>
  object(
    {
      status: { const: status },
      host_id: hostId,
      episode_id: episodeId,
      sha256,
      bytes: count,
      content_sha256: sha256
    },
    status === "already_present" ? ["content_sha256"] : []
  )

/** What a problem says beside the members every problem has. */
const members: Partial<Record<ProblemName, Fields>> = {
  "bad-name": { remediation: text },
  "bad-request": { remediation: text },
  "missing-commit": { remediation: text },
  "bad-commit": { remediation: text },
  "bad-digest": { remediation: text },
  unauthenticated: { remediation: text },
  "certificate-refused": { remediation: text },
  "wrong-host": { remediation: text },
  "not-admin": { remediation: text },
  "not-found": { remediation: text },
  "unknown-host": { remediation: text },
  "invalid-topology": { remediation: text },
  "other-content": { stored_sha256: sha256, your_sha256: sha256, remediation: text },
  "stored-copy-lost": { stored_sha256: sha256, your_sha256: sha256, remediation: text },
  "out-of-window": { your_commit: commit, head_commit: orNull(commit), remediation: text },
  "too-large": { limit_bytes: count },
  "inconsistent-upload-length": { remediation: text },
  "no-upload": { remediation: text },
  "completed-upload": { remediation: text },
  "no-partial-upload": { remediation: text },
  "mismatching-upload-offset": {
    [offsetMember.expected]: count,
    [offsetMember.provided]: count,
    remediation: text
  },
  "too-many-open-uploads": { remediation: text }
}

const RETRIED: ReadonlySet<number> = new Set([429, 503, 507])

export const fields = (names: Readonly<Record<string, Schema>>) =>
  Object.fromEntries(Object.entries(names).map(([name, schema]) => [name, { required: true, schema }]))

const problemSchema = (name: ProblemName, more: Fields = {}): Schema =>
  object({
    type: { const: problemType(name) },
    title: text,
    status: { const: problems[name].status },
    error: text,
    ...members[name],
    ...more
  })

export type Refusals = ReadonlyArray<ProblemName>

const refusal = (status: number, names: Refusals, more: Fields = {}) => ({
  description: names.map((name) => problems[name].title).join("; or: "),
  headers: fields({
    [header.problem]: { enum: names },
    ...(RETRIED.has(status) ? { "retry-after": { type: "string", pattern: "^[0-9]+$" } } : {})
  }),
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { oneOf: names.map((name) => problemSchema(name, more)) } } }
})

/** By status, as OpenAPI wants them. */
export const refusals = (names: Refusals, more: Fields = {}) => {
  const statuses = [...new Set(names.map((name) => problems[name].status))]
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      refusal(
        status,
        names.filter((name) => problems[name].status === status),
        more
      )
    ])
  )
}

export const answer = (description: string, schema: Schema) => ({
  description,
  content: { "application/json": { schema } }
})

export const parameter = (
  where: "path" | "header",
  name: string,
  schema: Schema,
  description: string,
  required = true
) => ({
  in: where,
  name,
  required,
  description,
  schema
})

/** Each that the receiver is configured with; where it is both, both. */
export const token = [{ bearer: [] }, { certificate: [] }, { bearer: [], certificate: [] }]
