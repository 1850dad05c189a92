/**
 * The wire between shipper and receiver, as one table: names of headers, paths, and every problem with its status.
 * Problems are RFC 9457 documents whose `type` is `urn:cis490:problem:<name>`, or the one that is registered for it.
 */
import type { EpisodeId, HostId, Sha256 } from "./names.ts"
import { uploadProblemType } from "./upload/fields.ts"
import type { UploadToken } from "./upload/token.ts"

export const SCHEMA_VERSION = 1

export const header = {
  codeCommit: "x-cis490-code-commit",
  contentSha256: "x-cis490-content-sha256",
  /** `true`: a heartbeat is looked at as always, and nothing is noted of it. */
  dryRun: "x-cis490-dry-run",
  /** On every problem: its name. It tells the receiver's own 404 to a HEAD, which has no body, from a proxy's. */
  problem: "x-cis490-problem",
  reprDigest: "repr-digest",
  /** `true`: the order counts above whatever the agent has obeyed. */
  takeOver: "x-cis490-take-over"
} as const

export const PROBLEM_MEDIA_TYPE = "application/problem+json"

export const path = {
  health: "/v1/health",
  ping: "/v1/ping",
  openapi: "/v1/openapi.json",
  heartbeat: "/v1/heartbeat",
  hosts: "/v1/hosts",
  topology: (hostId: HostId) => `/v1/hosts/${hostId}/topology`,
  episode: (hostId: HostId, episodeId: EpisodeId) => `/v1/episodes/${hostId}/${episodeId}`,
  upload: (token: UploadToken) => `/v1/uploads/${token}`
} as const

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** Where somebody has registered one. */
  readonly type?: string
}

/** Every refusal the receiver knows: its stable name, its status, its title. */
export const problems = {
  "bad-name": { status: 400, title: "A name is malformed" },
  "bad-request": { status: 400, title: "The request is malformed" },
  "invalid-topology": { status: 400, title: "This is no topology that could be run" },
  "missing-commit": { status: 400, title: "The code commit is missing" },
  "bad-commit": { status: 400, title: "The code commit is malformed" },
  "bad-digest": { status: 400, title: "The digest is missing or malformed" },
  "inconsistent-upload-length": {
    status: 400,
    title: "inconsistent length values for upload",
    type: uploadProblemType.inconsistentLength
  },
  "completed-upload": {
    status: 400,
    title: "upload is already completed",
    type: uploadProblemType.completedUpload
  },
  unauthenticated: { status: 401, title: "No valid token, or no certificate" },
  "certificate-refused": { status: 403, title: "The client certificate is not accepted" },
  "wrong-host": { status: 403, title: "This client may not write as that host" },
  "not-admin": { status: 403, title: "This client may not command" },
  "not-found": { status: 404, title: "There is nothing under this path" },
  "unknown-host": { status: 404, title: "This master has no such host" },
  "not-stored": { status: 404, title: "This episode is not stored here" },
  "no-upload": { status: 404, title: "There is no such upload here" },
  "method-not-allowed": { status: 405, title: "This path does not take that method" },
  "body-stalled": { status: 408, title: "The body stopped moving" },
  "other-content": { status: 409, title: "Other content is stored under this id" },
  "stored-copy-lost": { status: 409, title: "The stored copy is missing or damaged and this is not its content" },
  "mismatching-upload-offset": {
    status: 409,
    title: "offset from request does not match offset of resource",
    type: uploadProblemType.mismatchingOffset
  },
  "length-required": { status: 411, title: "Content-Length is required" },
  "out-of-window": { status: 412, title: "The code commit is not in the window" },
  "too-large": { status: 413, title: "The episode is too large" },
  "no-partial-upload": { status: 415, title: "This is not a part of an upload" },
  "digest-mismatch": { status: 422, title: "What arrived is not what was announced" },
  "invalid-archive": { status: 422, title: "This is not a sound episode tarball" },
  "too-many-uploads": { status: 429, title: "Too many uploads at once" },
  "too-many-open-uploads": { status: 429, title: "This host has too many uploads open" },
  internal: { status: 500, title: "The receiver made a mistake" },
  unavailable: { status: 503, title: "The receiver cannot store now" },
  "commit-unknown": { status: 503, title: "The gate does not know this commit yet" },
  "disk-full": { status: 507, title: "The receiver's disk is full" }
} as const satisfies Readonly<Record<string, ProblemKind>>
export type ProblemName = keyof typeof problems

export const problemType = (name: ProblemName): string => {
  const kind: ProblemKind = problems[name]
  return kind.type ?? `urn:cis490:problem:${name}`
}

/** A refusal as the receiver decides it; `routes` turns it into a problem document. */
export interface Problem {
  readonly problem: ProblemName
  /** What is wrong, in words. */
  readonly error: string
  /** What to do about it. */
  readonly remediation?: string
  /** Seconds, for 429, 503 and 507. */
  readonly retryAfter?: number
  /** The members the contract names beside the problem fields: `limit_bytes`, `stored_sha256`, `your_commit`, … */
  readonly members?: Readonly<Record<string, string | number | boolean | null>>
}

/** The answer to an episode that is in the dataset: 201 `stored` or 200 `already_present`, of the stored copy. */
export interface StoredAnswer {
  readonly status: "stored" | "already_present"
  readonly host_id: HostId
  readonly episode_id: EpisodeId
  /** Of the tarball. */
  readonly sha256: Sha256
  /** Of the tarball. */
  readonly bytes: number
  /** Absent only where the copy is known by its `sha256` alone, and the request did not say what is in it. */
  readonly content_sha256?: Sha256
}
