import * as Effect from "effect/Effect"
import type { EpisodeId } from "../../domain/names.ts"
import { bringBack } from "../bringBack.ts"
import { Layout } from "../layout.ts"
import { Refused } from "./report.ts"

/** Brings an entry back to `episodes/`, or says why it cannot. */
export const mustComeBack = Effect.fnUntraced(function* (place: "quarantine" | "shipped", name: string, id: EpisodeId) {
  const outcome = yield* bringBack(`${(yield* Layout)[place]}/${name}`, id)
  if (outcome === "missing") return yield* new Refused({ message: `there is no directory ${name} in ${place}/` })
  if (outcome === "taken") {
    return yield* new Refused({ message: `episodes/${id} is there already; wait until it has gone, or move it away` })
  }
})
