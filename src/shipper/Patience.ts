import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { backoffSeconds } from "../domain/backoff.ts"

/**
 * Which episodes are not to be tried yet: each one that failed waits by itself, so that a bad one neither burns nor holds up its
 * neighbours. Kept in memory only: after a restart everything may be tried again.
 */
export class Patience extends Context.Service<
  Patience,
  {
    readonly isDue: (id: string) => Effect.Effect<boolean>
    /** `retryAfter` in seconds, when the other side said how long at least. */
    readonly failed: (id: string, retryAfter: number | undefined) => Effect.Effect<void>
    readonly settled: (id: string) => Effect.Effect<void>
  }
>()("cis490/shipper/Patience") {
  static readonly layer = (table: ReadonlyArray<number>) =>
    Layer.sync(Patience, () => {
      const waiting = new Map<string, { readonly failures: number; readonly dueNanos: bigint }>()
      return {
        isDue: (id) => Effect.map(Clock.monotonicTimeNanos, (now) => now >= (waiting.get(id)?.dueNanos ?? now)),
        failed: Effect.fnUntraced(function* (id: string, retryAfter: number | undefined) {
          const failures = (waiting.get(id)?.failures ?? 0) + 1
          const seconds = (retryAfter ?? 0) + backoffSeconds(table, failures, yield* Random.next)
          const now = yield* Clock.monotonicTimeNanos
          waiting.set(id, { failures, dueNanos: now + BigInt(Math.ceil(seconds * 1e9)) })
        }),
        settled: (id) => Effect.sync(() => waiting.delete(id))
      }
    })
}
