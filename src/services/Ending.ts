import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** How the program ends. */
export class Ending extends Context.Service<
  Ending,
  {
    /** When the program ends, it does not wait for calls to the system that hang: a dead file server, a pipe without a writer. */
    readonly waitsForNothing: Effect.Effect<void>
  }
>()("cis490/services/Ending") {}
