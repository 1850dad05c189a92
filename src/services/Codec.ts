import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Sha256 } from "../domain/names.ts"

/** The bytes are not what the format says. */
export class CodecError extends Schema.TaggedError<CodecError>()("CodecError", { message: Schema.String }) {}

export interface Hasher {
  readonly update: (bytes: Uint8Array | string) => void
  /** Ends the hasher. */
  readonly digest: () => Sha256
}

export interface Compressor {
  /**
   * Makes one frame of `bytes` (at least one; not to be changed until it is done), which says their number and carries a checksum, and
   * gives it in pieces, which are good until the next push. Frames one behind the other are as good as a single one.
   */
  readonly push: (bytes: Uint8Array) => Effect.Effect<ReadonlyArray<Uint8Array>, CodecError>
}

export interface Decompressor {
  /** Done when every byte that `bytes` stands for went through the sink, or the sink said stop. */
  readonly push: (bytes: Uint8Array) => Effect.Effect<void, CodecError>
  /** Fails when a frame was cut short. */
  readonly end: Effect.Effect<void, CodecError>
}

/**
 * zstd (RFC 8878) and SHA-256. In production what is not small is compressed on threads; memory stays flat in both directions, whatever
 * a frame expands to, because output goes to a sink as it comes.
 */
export class Codec extends Context.Service<
  Codec,
  {
    readonly sha256: () => Hasher
    /** `level` 1 to 19; `contentSize`: about so many bytes will come in all. */
    readonly compressor: (options: {
      readonly level: number
      readonly contentSize: number
    }) => Effect.Effect<Compressor, never, Scope.Scope>
    /** One frame or more, a window of at most 8 MiB. `sink` sees at most 1 MiB at a time, must not keep it, and ends it all with `false`. */
    readonly decompressor: (sink: (bytes: Uint8Array) => boolean) => Effect.Effect<Decompressor, never, Scope.Scope>
  }
>()("cis490/services/Codec") {}
