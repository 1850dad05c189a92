import * as Schema from "effect/Schema"
import { HostId } from "./names.ts"

/** Why an episode is in quarantine. */
export const ReasonName = Schema.Literals([
  "bad_request",
  "out_of_window",
  "too_large",
  "invalid_archive",
  "refused",
  "damaged",
  "unpackable",
  "unstamped",
  "conflict"
])
export type ReasonName = typeof ReasonName.Type

/** `quarantine_reason.json`. */
export const Reason = Schema.Struct({
  reason: ReasonName,
  episode_id: Schema.String,
  /** The receiver's status; 0 where no receiver was asked. */
  status_code: Schema.Int,
  error: Schema.String,
  /** The receiver's answer, whole; null where there was none. */
  body: Schema.Unknown,
  commit: Schema.NullOr(Schema.String),
  /** RFC 3339, UTC. */
  quarantined_at_wall: Schema.String
})
export type Reason = typeof Reason.Type

/** `outbox/<id>.conflict.json`: the receiver has other content under this id. */
export const ConflictNote = Schema.Struct({
  episode_id: Schema.String,
  stored_sha256: Schema.String,
  your_sha256: Schema.String,
  content_sha256: Schema.String,
  error: Schema.String,
  remediation: Schema.NullOr(Schema.String),
  /** The receiver's answer, whole. */
  body: Schema.optionalKey(Schema.Unknown),
  /** Fingerprint of the directory as it was sent: the episode is sent again when this no longer fits. */
  made_from: Schema.optionalKey(Schema.String),
  /** RFC 3339, UTC. */
  noted_at: Schema.String
})
export type ConflictNote = typeof ConflictNote.Type

/** `shipped/<id>.receipt.json`: the receiver's answer, whole, and when it came. These are the members we read again. */
export const Receipt = Schema.Struct({
  content_sha256: Schema.String,
  host_id: Schema.optionalKey(HostId),
  /** RFC 3339, UTC. */
  shipped_at: Schema.String
})
export type Receipt = typeof Receipt.Type
