/** `reship`: from `shipped/` back to `episodes/`, when the receiver has lost what it had. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Receipt } from "../../domain/reason.ts"
import { removeReceipt } from "../bringBack.ts"
import { Layout } from "../layout.ts"
import { readJson } from "../readJson.ts"
import { mustComeBack } from "./mustComeBack.ts"
import { directoriesIn, idOfEntry } from "./names.ts"
import { forEachName } from "./report.ts"
import type { Returned } from "./requeue.ts"

/** Which ones: those named, or all that were shipped at `since` (milliseconds since 1970) or later; without it, at any time. */
export type Wanted = { readonly names: ReadonlyArray<string> } | { readonly since: number | undefined }

export const reship = Effect.fnUntraced(function* (wanted: Wanted) {
  if ("names" in wanted) return yield* forEachName(wanted.names, reshipOne)
  const { since } = wanted
  const all = yield* directoriesIn((yield* Layout).shipped)
  return yield* forEachName(
    all,
    Effect.fnUntraced(function* (name: string) {
      return since === undefined || (yield* isShippedSince(name, since)) ? yield* reshipOne(name) : undefined
    })
  )
})

/** One whose receipt does not say when is not left out: sending it once more costs little, losing it much. */
const isShippedSince = Effect.fnUntraced(function* (name: string, since: number) {
  const reading = yield* readJson((yield* Layout).receipt(name), Receipt)
  if (reading._tag !== "Read") return true
  return Option.match(DateTime.make(reading.value.shipped_at), {
    onNone: () => true,
    onSome: (at) => DateTime.toEpochMillis(at) >= since
  })
})

const reshipOne = Effect.fnUntraced(function* (name: string) {
  const id = yield* idOfEntry(name)
  yield* mustComeBack("shipped", name, id)
  // A crash here leaves a receipt without its directory: it counts for nothing.
  yield* removeReceipt(name)
  return { name, episode_id: id } satisfies Returned
})
