/**
 * How long an upload in appends may ride. A pass ends when its last episode does, and an upload that gets on does not end for hours or
 * days: so between two appends it is handed back once the pass has better things to do, and the next pass goes on with it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** The upload makes way. It is as good as it was, and the next pass goes on with it: nothing is counted, and nothing waits for it. */
export class HandedBack extends Schema.TaggedError<HandedBack>()("HandedBack", {}) {}

export class Turn extends Context.Service<
  Turn,
  {
    /** Whether an upload that got on is to make way. */
    readonly isOver: Effect.Effect<boolean>
    /** Does what cannot be handed back. While it goes on the pass cannot end, and whatever made way would wait for nothing. */
    readonly inOneGo: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  }
>()("cis490/shipper/Turn") {}

/** Of a pass that `isWanted` to end. */
export const makeTurn = (isWanted: Effect.Effect<boolean>): Turn["Service"] => {
  let inOneGo = 0
  return {
    isOver: Effect.map(isWanted, (wanted) => wanted && inOneGo === 0),
    inOneGo: (work) =>
      Effect.suspend(() => {
        inOneGo++
        return Effect.ensuring(
          work,
          Effect.sync(() => inOneGo--)
        )
      })
  }
}
