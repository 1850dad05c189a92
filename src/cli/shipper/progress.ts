import * as Effect from "effect/Effect"
import { Progress } from "../../shipper/Progress.ts"
import { size } from "../humanize.ts"
import { withLine } from "../progressLine.ts"

/** At a terminal, one line on how far the pass is. */
export const withProgress = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Progress, (progress) =>
    withLine(
      () =>
        `${progress.done} of ${progress.total} episodes, ${size(progress.packedBytes)} packed, ${size(progress.sentBytes)} sent`,
      work
    )
  )
