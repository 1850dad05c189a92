import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { EpisodeId } from "../domain/names.ts"
import type { Reason } from "../domain/reason.ts"
import * as Durable from "../durable.ts"
import { mustBeDirectory, typeAt } from "../presence.ts"
import { moveToFreeName } from "./freeName.ts"
import { Layout, REASON_FILE } from "./layout.ts"
import { makeOurs } from "./makeOurs.ts"

/**
 * Moves `episodes/<id>` to `quarantine/` for this reason, and gives the name it has there: the id, or `<id>~1`, … where that is
 * taken. Fails with `NotFound` when the directory is gone.
 */
export const quarantine = Effect.fnUntraced(function* (
  id: EpisodeId,
  why: Omit<Reason, "episode_id" | "quarantined_at_wall">
) {
  const paths = yield* Layout
  yield* mustBeDirectory(paths.episode(id))
  const quarantined_at_wall = DateTime.formatIso(yield* DateTime.now)
  const reason: Reason = { ...why, episode_id: id, quarantined_at_wall }
  yield* Durable.makeDirectory(paths.quarantine)
  yield* makeOurs(paths.episode(id))
  yield* placeReason(id, `${JSON.stringify(reason)}\n`)
  // A crash here leaves a ready episode with a reason file: that is never packed, and replaced the next time.
  return yield* moveToFreeName(paths.episode(id), id, paths.quarantined)
})

/** The file is made elsewhere, so that a crash leaves nothing in the episode that would be packed with it. */
const placeReason = Effect.fnUntraced(function* (id: EpisodeId, content: string) {
  const paths = yield* Layout
  const place = `${paths.episode(id)}/${REASON_FILE}`
  // A rename replaces a file or a link under that name, but not a directory: the recorder's own, it is kept beside the reason.
  if ((yield* typeAt(place)) === "Directory") {
    yield* moveToFreeName(place, REASON_FILE, (name) => `${paths.episode(id)}/${name}`)
  }
  yield* Durable.makeDirectory(`${paths.state}/drafts`)
  yield* Durable.write(place, content, `${paths.state}/drafts/${id}.reason`)
})
