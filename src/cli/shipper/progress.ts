import * as Effect from "effect/Effect"
import { size } from "../../domain/humanize.ts"
import { Progress } from "../../shipper/Progress.ts"
import { transfersWords } from "../../shipper/standing.ts"
import { figures } from "../../shipper/transfers.ts"
import { withLine } from "../progressLine.ts"

/** At a terminal, one line on how far the pass is, and what of it is on its way. */
export const withProgress = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
  const progress = yield* Progress
  const now = Effect.provideService(figures, Progress, progress)
  const line = Effect.map(now, (transfers) =>
    [
      `${progress.done} of ${progress.total} episodes, ${size(progress.packedBytes)} packed, ${size(progress.sentBytes)} sent`,
      ...(transfers.length === 0 ? [] : [transfersWords(transfers)])
    ].join(" | ")
  )
  return yield* withLine(line, work)
})
