import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { HostId } from "../domain/names.ts"

/** Nothing answered, or the answer was cut short. */
export class Unanswered extends Schema.TaggedError<Unanswered>()("Unanswered", {
  /** What is wrong and what mends it, on one line. */
  error: Schema.String,
  /** As Node and undici name it. */
  code: Schema.optionalKey(Schema.String),
  /** Whether the connection stood. */
  connected: Schema.Boolean
}) {}

/** Where the receiver is and how to get in. */
export class Destination extends Context.Service<
  Destination,
  {
    readonly url: string
    readonly hostId: HostId
    /** Read when it is needed, so that a renewed token file is used without a restart. */
    readonly token: Effect.Effect<Redacted.Redacted<string> | undefined, Unanswered>
    readonly requestTimeoutSeconds: number
  }
>()("cis490/shipper/Destination") {}
