import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { EpisodeId } from "../../domain/names.ts"
import { FIRST_APPEND_BYTES, LARGEST_APPEND_BYTES, nextAppendSize } from "../../domain/upload/appendSize.ts"

/** A receiver that does not know resumable uploads may be a newer one by then. */
const ASK_AGAIN_NANOS = 3_600_000_000_000n

/** How and when tarballs go in several requests, and what this process has learned about the way to the receiver. */
export class Resumption extends Context.Service<
  Resumption,
  {
    /** Larger tarballs are sent so. */
    readonly aboveBytes: number
    /** The longest wait after the first, second, … attempt in a row that got nowhere. */
    readonly backoffSeconds: ReadonlyArray<number>
    /** Whether it is worth trying. */
    readonly isPossible: Effect.Effect<boolean>
    /** Those that were cut when they were last sent in one request. */
    readonly cut: Set<EpisodeId>
    /** How many sends in a row got not one append through to a receiver that was there. */
    readonly blocked: Map<EpisodeId, number>
    /** Those whose upload made way in an earlier pass. */
    readonly handedBack: Set<EpisodeId>
    /** It does not get through, and a plain PUT does; gives whether that is new. */
    readonly isNotKnown: Effect.Effect<boolean>
    readonly appendBytes: () => number
    /** An append of so many bytes took so long; one that was cut is no reason to send more at a time. */
    readonly appended: (bytes: number, millis: number, how: "acknowledged" | "cut") => void
    /** An append of so many bytes was too large for something on the way: no other will be as large, down to the smallest there is. */
    readonly tooLarge: (bytes: number) => void
  }
>()("cis490/shipper/Resumption") {
  static readonly layer = (options: { readonly aboveBytes: number; readonly backoffSeconds: ReadonlyArray<number> }) =>
    Layer.sync(Resumption, () => {
      let plainUntil = 0n
      let ceiling = LARGEST_APPEND_BYTES
      let bytes = FIRST_APPEND_BYTES
      return {
        ...options,
        cut: new Set<EpisodeId>(),
        blocked: new Map<EpisodeId, number>(),
        handedBack: new Set<EpisodeId>(),
        isPossible: Effect.map(Clock.monotonicTimeNanos, (now) => now >= plainUntil),
        isNotKnown: Effect.map(Clock.monotonicTimeNanos, (now) => {
          const news = now >= plainUntil
          plainUntil = now + ASK_AGAIN_NANOS
          return news
        }),
        appendBytes: () => bytes,
        appended: (sent, millis, how) => {
          const next = Math.min(nextAppendSize(sent, millis), ceiling)
          bytes = how === "acknowledged" ? next : Math.min(bytes, next)
        },
        tooLarge: (sent) => {
          ceiling = nextAppendSize(Math.min(sent, ceiling), Number.POSITIVE_INFINITY)
          bytes = Math.min(bytes, ceiling)
        }
      }
    })
}
