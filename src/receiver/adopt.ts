import * as Effect from "effect/Effect"
import type { IndexRow } from "../domain/row.ts"
import { formatTime } from "../domain/time.ts"
import { Volume } from "../services/Volume.ts"
import { type ArchiveBounds, examine } from "./examine.ts"
import { IndexLog } from "./IndexLog.ts"
import { type FullRow, rowOf } from "./rows.ts"
import { Store } from "./Store.ts"
import type { EpisodeName } from "./storePaths.ts"

/** The row a stored file has now, or why it can have none. */
export type Adopted =
  | { readonly _tag: "Row"; readonly row: FullRow; readonly appended: boolean }
  | { readonly _tag: "Unsound"; readonly sha256: FullRow["sha256"]; readonly error: string }

const examineStored = Effect.fnUntraced(function* (name: EpisodeName, bounds: ArchiveBounds) {
  const store = yield* Store
  return yield* examine(store.path(name), name.episodeId, bounds)
})

/** When the bytes of a stored file were written, which is when they were received. */
const receivedAt = Effect.fnUntraced(function* (name: EpisodeName) {
  const volume = yield* Volume
  const store = yield* Store
  const { mtimeNs } = yield* volume.inspect(store.path(name))
  return formatTime(Number(mtimeNs / 1_000_000n))
})

/** Gives a stored file that has no row its row, durably, when it is a sound tarball. */
export const adopt = Effect.fnUntraced(function* (name: EpisodeName, bounds: ArchiveBounds) {
  const index = yield* IndexLog
  const store = yield* Store
  const found = yield* examineStored(name, bounds)
  if (found._tag === "Unsound") return found satisfies Adopted as Adopted
  const row = rowOf(name, found, yield* receivedAt(name))
  // The file first: a row stands for bytes that are durable.
  yield* store.settle(name)
  yield* index.append(row)
  return { _tag: "Row", row, appended: true } satisfies Adopted as Adopted
})

/**
 * Adds to a row what its stored file says and the row, of an older version, does not: `content_sha256`, `commit`. The old row stays
 * where it is; a later one completes it.
 */
export const complete = Effect.fnUntraced(function* (name: EpisodeName, row: IndexRow, bounds: ArchiveBounds) {
  const index = yield* IndexLog
  const found = yield* examineStored(name, bounds)
  if (found._tag === "Unsound") return found satisfies Adopted as Adopted
  if (found.sha256 !== row.sha256) {
    return {
      _tag: "Unsound",
      sha256: found.sha256,
      error: "it is not the tarball that was accepted"
    } satisfies Adopted as Adopted
  }
  if (row.content_sha256 !== undefined && row.content_sha256 !== found.contentSha256) {
    return {
      _tag: "Unsound",
      sha256: found.sha256,
      error: "it is not the content that the index names"
    } satisfies Adopted as Adopted
  }
  const full = rowOf(
    name,
    { ...found, commit: row.commit ?? found.commit },
    row.received_at ?? (yield* receivedAt(name))
  )
  const appended = row.content_sha256 === undefined || row.commit !== full.commit
  if (appended) yield* index.append(full)
  return { _tag: "Row", row: full, appended } satisfies Adopted as Adopted
})
