/** Nobody sits there: no terminal, nothing on stdin. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"

export const layerTerminal: Layer.Layer<Terminal.Terminal> = Layer.succeed(
  Terminal.Terminal,
  Terminal.make({
    columns: Effect.succeed(80),
    rows: Effect.succeed(24),
    size: Effect.never,
    readInput: Effect.never,
    readLine: Effect.never,
    display: () => Effect.void
  })
)

export const layerStdio: Layer.Layer<Stdio.Stdio> = Stdio.layerTest({})
