import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Commit, EpisodeId, HostId, Sha256 } from "../../domain/names.ts"
import { formatTime, parseTime } from "../../domain/time.ts"
import type { UploadToken } from "../../domain/upload/token.ts"
import * as Durable from "../../durable.ts"
import type { Announcement } from "../questions.ts"
import { statePath } from "./paths.ts"

const Bytes = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** `<token>.json`: what was announced, and how much of it is on disk for good. Times are RFC 3339 in UTC. */
const StateFile = Schema.fromJsonString(
  Schema.Struct({
    schema_version: Schema.Literal(1),
    host_id: HostId,
    episode_id: EpisodeId,
    /** Of the tarball. */
    sha256: Sha256,
    /** Of the tarball. */
    bytes: Bytes,
    content_sha256: Schema.optionalKey(Sha256),
    commit: Schema.optionalKey(Commit),
    /** Bytes of the data file that are synced. */
    offset: Bytes,
    /** When the offset last grew, or the upload began. */
    progress_at: Schema.String
  })
)

/** What lasts of an upload. */
export interface UploadState {
  readonly announced: Announcement
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly progressAt: number
}

const decode = Schema.decodeUnknownOption(StateFile)
const encode = Schema.encodeSync(StateFile)

export const formatState = ({ announced, offset, progressAt }: UploadState): string => {
  const { bytes, commit, contentSha256, episodeId, hostId, sha256 } = announced
  return encode({
    schema_version: 1,
    host_id: hostId,
    episode_id: episodeId,
    sha256,
    bytes,
    ...(contentSha256 === undefined ? {} : { content_sha256: contentSha256 }),
    ...(commit === undefined ? {} : { commit }),
    offset,
    progress_at: formatTime(progressAt)
  })
}

/** `undefined` for what no receiver wrote whole. */
export const parseState = (text: string): UploadState | undefined => {
  const file = Option.getOrUndefined(decode(text))
  const progressAt = file && Option.getOrUndefined(parseTime(file.progress_at))
  if (file === undefined || progressAt === undefined || file.offset > file.bytes) return undefined
  const { bytes, commit, content_sha256, episode_id, host_id, offset, sha256 } = file
  return {
    announced: { hostId: host_id, episodeId: episode_id, bytes, sha256, contentSha256: content_sha256, commit },
    offset,
    progressAt
  }
}

/** Durable when this returns; a crash leaves the old state or the new one. Dies when a sync fails. */
export const writeState = (directory: string, token: UploadToken, state: UploadState) =>
  Durable.write(statePath(directory, token), formatState(state))

/** `undefined` for what no receiver wrote whole. */
export const readState = Effect.fnUntraced(function* (directory: string, token: UploadToken) {
  const fs = yield* FileSystem.FileSystem
  return parseState(yield* fs.readFileString(statePath(directory, token)))
})
