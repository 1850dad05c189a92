/** The bodies of `POST /v1/ping`: what a host says about itself, and what the receiver answers. */
import * as Schema from "effect/Schema"
import { Commit, HostId } from "./names.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Words = Schema.String.check(Schema.isMaxLength(256))
const said = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** A member that is null is not known, like one that is absent; members we do not know are kept out of the way. */
export const PingBody = Schema.Struct({
  host_id: HostId,
  /** Of the code installed on the host. */
  commit: said(Commit),
  version: said(Words),
  /** Random, kept in `data_root`: two of them under one `host_id` are two hosts. */
  instance_id: said(Words),
  /** Episodes. */
  waiting: said(Count),
  /** RFC 3339, UTC. */
  oldest_waiting_at: said(Words),
  /** Episodes. */
  quarantined: said(Count),
  /** Episodes. */
  conflicts: said(Count),
  /** Bytes. */
  free_bytes: said(Count)
})
export type PingBody = typeof PingBody.Type

export const PingAnswer = Schema.Struct({
  ok: Schema.Literal(true),
  host_id: HostId,
  schema_version: Schema.Int,
  /** RFC 3339, UTC. */
  server_time: Schema.String,
  max_episode_bytes: Schema.Int,
  /** Null while the gate is off or has no commits yet. */
  head_commit: Schema.NullOr(Commit),
  /** Of the commit in the body; absent when none was sent or the gate cannot tell. */
  commit_allowed: Schema.optionalKey(Schema.Boolean)
})
export type PingAnswer = typeof PingAnswer.Type
