import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** As whom the program acts. */
export class Identity extends Context.Service<
  Identity,
  {
    /**
     * From now on as whoever owns what lies at the path, or nearest above it, where root runs the program: what root would make
     * there, the service could not read. Anybody else stays who they are.
     */
    readonly actAsOwnerOf: (path: string) => Effect.Effect<void>
  }
>()("cis490/services/Identity") {}
