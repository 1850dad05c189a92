import * as Context from "effect/Context"
import type * as Layer from "effect/Layer"
import type { Lookup } from "./Lookup.ts"

/** Where a `Lookup` may live: the configuration says which index it serves. */
export class Lookups extends Context.Service<
  Lookups,
  {
    /** Kept beside the index, for its only writer. */
    readonly beside: (indexPath: string) => Layer.Layer<Lookup>
    /** Gone with the layer, for those who only read. */
    readonly temporary: Layer.Layer<Lookup>
  }
>()("cis490/services/Lookups") {}
