/** `requeue`: from `quarantine/` back to `episodes/`, after what was wrong has been mended. */
import * as Effect from "effect/Effect"
import { Reason, type ReasonName } from "../../domain/reason.ts"
import * as Durable from "../../durable.ts"
import { typeAt } from "../../presence.ts"
import { forgetAcknowledgement } from "../acknowledgement.ts"
import { Layout, REASON_FILE } from "../layout.ts"
import { readJson } from "../readJson.ts"
import { mustComeBack } from "./mustComeBack.ts"
import { directoriesIn, idOfEntry } from "./names.ts"
import { forEachName } from "./report.ts"

export interface Returned {
  /** In the directory it came from. */
  readonly name: string
  /** In `episodes/`. */
  readonly episode_id: string
}

/** Which entries: those named, or all that are there for `reason`; without one, for any. */
export type Wanted = { readonly names: ReadonlyArray<string> } | { readonly reason: ReasonName | undefined }

export const requeue = Effect.fnUntraced(function* (wanted: Wanted) {
  if ("names" in wanted) return yield* forEachName(wanted.names, requeueOne)
  const { reason } = wanted
  const all = yield* directoriesIn((yield* Layout).quarantine)
  return yield* forEachName(
    all,
    Effect.fnUntraced(function* (name: string) {
      return reason === undefined || (yield* isQuarantinedFor(name, reason)) ? yield* requeueOne(name) : undefined
    })
  )
})

const isQuarantinedFor = Effect.fnUntraced(function* (name: string, reason: ReasonName) {
  const reading = yield* readJson(`${(yield* Layout).quarantined(name)}/${REASON_FILE}`, Reason)
  return reading._tag === "Read" && reading.value.reason === reason
})

const requeueOne = Effect.fnUntraced(function* (name: string) {
  const paths = yield* Layout
  const id = yield* idOfEntry(name)
  yield* mustComeBack("quarantine", name, id)
  // A crash here leaves the reason file in the episode: it is never packed.
  const reasonFile = `${paths.episode(id)}/${REASON_FILE}`
  const type = yield* typeAt(reasonFile)
  if (type !== undefined && type !== "Directory") yield* Durable.remove(reasonFile)
  yield* forgetAcknowledgement(name)
  return { name, episode_id: id } satisfies Returned
})
