import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { makeFrameScanner } from "../domain/zstdFrames.ts"
import { Codec, type CodecError } from "../services/Codec.ts"
import { type ArchiveLimits, type ArchiveReport, invalid, makeArchiveCheck, type Refusal } from "./archiveCheck.ts"

export type { ArchiveReport } from "./archiveCheck.ts"

/** The archive is refused for good: 422 `invalid archive: …`, or 413 with the limit. */
export class ArchiveFault extends Schema.TaggedError<ArchiveFault>()("ArchiveFault", {
  problem: Schema.Literals(["invalid-archive", "too-large"]),
  /** In words. */
  error: Schema.String,
  limitBytes: Schema.optionalKey(Schema.Int)
}) {}

export interface Archive {
  /** Takes bytes of the tarball as they arrive; fails as soon as they are refused, and from then on. */
  readonly push: (bytes: Uint8Array) => Effect.Effect<void, ArchiveFault>
  /** Every byte has been pushed. */
  readonly end: Effect.Effect<ArchiveReport, ArchiveFault>
}

/** Checks a tarball while it streams by: framing first, so that nothing unbounded reaches the decompressor, then the tar inside. */
export const openArchive = (options: ArchiveLimits): Effect.Effect<Archive, never, Codec | Scope.Scope> =>
  Effect.gen(function* () {
    const codec = yield* Codec
    const frames = makeFrameScanner()
    const check = makeArchiveCheck(options, codec.sha256)
    const decompressor = yield* codec.decompressor(check.push)
    let fault: ArchiveFault | undefined

    const refuse = (refusal: Refusal): Effect.Effect<never, ArchiveFault> => {
      fault = new ArchiveFault(refusal)
      return Effect.fail(fault)
    }
    const decompress = (work: Effect.Effect<void, CodecError>): Effect.Effect<void, ArchiveFault> =>
      work.pipe(
        Effect.catch((error) => refuse(invalid(error.message))),
        Effect.andThen(Effect.suspend(() => refuseIf(check.refusal())))
      )
    const refuseIf = (refusal: Refusal | undefined): Effect.Effect<void, ArchiveFault> =>
      refusal === undefined ? Effect.void : refuse(refusal)
    const refuseFraming = (words: string | undefined): Effect.Effect<void, ArchiveFault> =>
      words === undefined ? Effect.void : refuse(invalid(words))
    const standing = Effect.suspend(() => (fault === undefined ? Effect.void : Effect.fail(fault)))

    const report = Effect.suspend(() => {
      const whole = check.end()
      return "problem" in whole ? refuse(whole) : Effect.succeed(whole)
    })

    return {
      push: (bytes) =>
        standing.pipe(
          Effect.andThen(Effect.suspend(() => refuseFraming(frames.push(bytes)))),
          Effect.andThen(decompress(decompressor.push(bytes)))
        ),
      end: standing.pipe(
        Effect.andThen(Effect.suspend(() => refuseFraming(frames.end()))),
        Effect.andThen(decompress(decompressor.end)),
        Effect.andThen(report)
      )
    }
  })
