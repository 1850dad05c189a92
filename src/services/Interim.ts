import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Sends an informational answer (1xx) ahead of the answer; where the connection carries none, nothing. Names in lower case. */
export type Interim = (status: number, headers: Readonly<Record<string, string>>) => Effect.Effect<void>

/** Given with every request by the server that took it; without one nothing is sent, which every client has to live with. */
export const Interim = Context.Reference<Interim>("cis490/services/Interim", {
  defaultValue: () => () => Effect.void
})
