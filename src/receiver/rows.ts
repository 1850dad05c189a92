/** The rows we write, and what we make of those we read. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Commit, Sha256 } from "../domain/names.ts"
import { SCHEMA_VERSION, type StoredAnswer } from "../domain/protocol.ts"
import type { IndexRow } from "../domain/row.ts"
import type { EpisodeName } from "./storePaths.ts"

/** A row that says what the content is. */
export type FullRow = IndexRow & { readonly content_sha256: Sha256 }

export interface Copy {
  /** Of the tarball. */
  readonly sha256: Sha256
  /** Of the tarball. */
  readonly bytes: number
  readonly contentSha256: Sha256
  readonly commit?: Commit | undefined
}

/** Whoever sends the very tarball knows what is in it, where the row does not: `announced`. */
export const answerOf = (
  status: StoredAnswer["status"],
  row: IndexRow,
  announced?: Sha256 | undefined
): StoredAnswer => {
  const contentSha256 = row.content_sha256 ?? announced
  return {
    status,
    host_id: row.host_id,
    episode_id: row.episode_id,
    sha256: row.sha256,
    bytes: row.bytes,
    ...(contentSha256 === undefined ? {} : { content_sha256: contentSha256 })
  }
}

export const now: Effect.Effect<string> = Effect.map(DateTime.now, DateTime.formatIso)

export const rowOf = ({ hostId, episodeId }: EpisodeName, copy: Copy, receivedAt: string): FullRow => ({
  schema_version: SCHEMA_VERSION,
  host_id: hostId,
  episode_id: episodeId,
  sha256: copy.sha256,
  bytes: copy.bytes,
  content_sha256: copy.contentSha256,
  received_at: receivedAt,
  ...(copy.commit === undefined ? {} : { commit: copy.commit })
})

export const withdrawalOf = (row: IndexRow, at: string): IndexRow => ({
  ...row,
  schema_version: SCHEMA_VERSION,
  received_at: at,
  status: "withdrawn"
})

/** Names the content; rows of older versions may not. */
export const isFull = (row: IndexRow): row is FullRow => row.content_sha256 !== undefined

/** Says everything a row of ours can say. */
export const isComplete = (row: IndexRow): boolean => isFull(row) && row.commit !== undefined

/** Whether a copy is what the row accepted: by content, or by tarball where the row says no content. */
export const accepts = (row: IndexRow, copy: Copy): boolean =>
  isFull(row) ? row.content_sha256 === copy.contentSha256 : row.sha256 === copy.sha256

/** Whether the row is of this tarball, known by either digest. */
export const isOf = (row: IndexRow, copy: Pick<Copy, "sha256"> & { readonly contentSha256: Sha256 | undefined }) =>
  row.sha256 === copy.sha256 || (isFull(row) && row.content_sha256 === copy.contentSha256)

/** Whether the row says of the stored copy what is so. */
export const describes = (row: IndexRow, copy: Copy): boolean =>
  row.sha256 === copy.sha256 && row.bytes === copy.bytes && row.content_sha256 === copy.contentSha256
