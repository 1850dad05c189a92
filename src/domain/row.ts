import * as Schema from "effect/Schema"
import { Commit, EpisodeId, HostId, Sha256 } from "./names.ts"

/**
 * A line of the index: what was accepted. Rows of older versions may lack `schema_version`, `content_sha256`, `received_at` or
 * `commit`; members we do not know are kept out of the way, and `null` is as good as no member. A later row with `status: "withdrawn"` takes the name back, and
 * says what it was that stood there.
 */
export const IndexRow = Schema.Struct({
  schema_version: Schema.optionalKey(Schema.Int),
  host_id: HostId,
  episode_id: EpisodeId,
  /** Of the tarball. */
  sha256: Sha256,
  /** Of the tarball. */
  bytes: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  content_sha256: Schema.optionalKey(Sha256),
  /** RFC 3339, UTC. */
  received_at: Schema.optionalKey(Schema.String),
  commit: Schema.optionalKey(Commit),
  status: Schema.optionalKey(Schema.Literal("withdrawn"))
})
export type IndexRow = typeof IndexRow.Type
