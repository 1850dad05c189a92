/** An agent that has obeyed a higher generation than ours. */
import * as Effect from "effect/Effect"
import { supersededBy } from "./next.ts"
import { takeOver } from "./takeOver.ts"
import type { Watched } from "./watched.ts"

const generationAbove = ({ report, standing }: Watched): number | undefined =>
  standing === undefined ? undefined : supersededBy(standing, report.said?.topology)

/** Says it, when it comes to be so. */
export const saySuperseded = (before: Watched, after: Watched): Effect.Effect<void> => {
  const above = generationAbove(after)
  if (above === undefined || generationAbove(before) === above) return Effect.void
  return Effect.logError(
    `the agent of ${after.hostId} has obeyed generation ${above}, above ours (${after.standing?.order.generation}): another master has the say there, or this one has forgotten; it is told nothing; to mend: cis490-receiver ${takeOver(after.hostId, after.standing?.wanted?._tag === "Nothing")}`
  )
}
