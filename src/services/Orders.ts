import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { HostId } from "../domain/names.ts"

/** What a host should run, as the operator said last. */
export interface Order {
  readonly hostId: HostId
  /** Goes up with everything the operator says of this host. */
  readonly generation: number
  /** JSON; null: the host should run nothing. */
  readonly hydratedJson: string | null
  /** Milliseconds since 1970. */
  readonly setAt: number
}

/** What is kept cannot be read, or no more of it kept: a full disk, a damaged file. */
export class OrdersUnavailable extends Schema.TaggedError<OrdersUnavailable>()("OrdersUnavailable", {
  /** In words, with the file. */
  message: Schema.String
}) {}

/** Where the master keeps its orders: `path` names a file that is made with the first of them. */
export class Orders extends Context.Service<
  Orders,
  {
    /** One per host, by name. Changes nothing on disk, and may be asked beside the process that writes. */
    readonly all: (path: string) => Effect.Effect<ReadonlyArray<Order>, OrdersUnavailable>
    /** Replaces the host's order. It survives a power cut once this returns. Fails when the one that stands is not of a lower generation. */
    readonly put: (path: string, order: Order) => Effect.Effect<void, OrdersUnavailable>
  }
>()("cis490/services/Orders") {}
