import * as Result from "effect/Result"
import { parseForeignJson } from "../../domain/json.ts"
import type { Sha256 } from "../../domain/names.ts"
import type { Wanted } from "../../domain/topology/drift.ts"
import { versionHash } from "../../domain/topology/versionHash.ts"
import { decodeWanted } from "../../domain/topology/wire.ts"
import type { Order } from "../../services/Orders.ts"

/** What a host should run; in words, why a document cannot be that. */
export const wantedOf = (
  document: unknown,
  digest: (text: string) => Sha256
): Result.Result<Wanted, ReadonlyArray<string>> =>
  Result.flatMap(decodeWanted(document), (hydrated): Result.Result<Wanted, ReadonlyArray<string>> => {
    if (hydrated === null) return Result.succeed({ _tag: "Nothing" })
    return versionHash(hydrated, digest).pipe(
      Result.map((hash): Wanted => ({ _tag: "Topology", hydrated, versionHash: hash })),
      Result.mapError((why) => [why])
    )
  })

/** An order and what it means; `undefined` where it means nothing to this version of ours, which has to say so. */
export interface Standing {
  readonly order: Order
  readonly wanted: Wanted | undefined
}

export const standingOf = (order: Order, digest: (text: string) => Sha256): Standing => ({
  order,
  wanted: Result.getOrUndefined(
    wantedOf(order.hydratedJson === null ? null : parseForeignJson(order.hydratedJson), digest)
  )
})
