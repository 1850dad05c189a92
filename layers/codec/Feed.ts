/** A Node transform stream that is fed one piece at a time. */

import type { Transform } from "node:stream"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { CodecError } from "../../src/services/Codec.ts"

type Outcome = Exit.Exit<void, CodecError>

export interface Feed {
  /** Done when the transform has consumed `bytes`. */
  readonly push: (bytes: Uint8Array) => Effect.Effect<void, CodecError>
  /** Done when the last output is out. */
  readonly end: Effect.Effect<void, CodecError>
}

/** Node's words for an input that ends too early say nothing about what ended. */
const words: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: "the zstd data ends in the middle of a frame",
  ZSTD_error_prefix_unknown: "this is not zstd data",
  ZSTD_error_checksum_wrong: "the zstd frame does not match its checksum",
  ZSTD_error_frameParameter_windowTooLarge: "the zstd frame needs a window of more than 8 MiB"
}

const codecError = (error: NodeJS.ErrnoException): CodecError =>
  new CodecError({ message: words[error.code ?? ""] ?? `zstd: ${error.message}` })

const closed = Exit.fail(new CodecError({ message: "the zstd stream is closed" }))

/**
 * Output goes to `sink` as it comes, never on the stack of a `push`. When the sink says `false` the stream is destroyed, and what
 * waits or follows is done without a further word; what it throws is a defect. Closing the scope, or interrupting a push, destroys
 * the stream: later pushes fail.
 */
export const make = (
  open: () => Transform,
  sink: (bytes: Uint8Array) => boolean
): Effect.Effect<Feed, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(open), (stream) => Effect.sync(() => stream.destroy())).pipe(
    Effect.map((stream) => feedOf(stream, sink))
  )

const feedOf = (stream: Transform, sink: (bytes: Uint8Array) => boolean): Feed => {
  /** Why nothing more can be fed. */
  let final: Outcome | undefined
  /** Who waits for the stream now. */
  let waiting: ((outcome: Outcome) => void) | undefined

  const finish = (outcome: Outcome): void => {
    final ??= outcome
    stream.destroy()
    waiting?.(final)
  }
  const wait = (start: (done: () => void) => void): Effect.Effect<void, CodecError> =>
    Effect.callback<void, CodecError>((resume) => {
      if (final !== undefined) return resume(final)
      if (waiting !== undefined) return resume(Exit.die(new Error("a codec takes one piece at a time")))
      waiting = (outcome) => {
        waiting = undefined
        resume(outcome)
      }
      start(() => waiting?.(Exit.void))
      return Effect.sync(() => finish(closed))
    })

  stream.on("data", (bytes: Uint8Array) => {
    if (final !== undefined) return
    try {
      if (!sink(bytes)) finish(Exit.void)
    } catch (defect) {
      finish(Exit.die(defect))
    }
  })
  stream.on("error", (error) => finish(Exit.fail(codecError(error))))
  stream.on("end", () => finish(Exit.void))
  stream.on("close", () => finish(closed))

  return {
    push: (bytes) => wait((done) => stream.write(bytes, (error) => (error ? undefined : done()))),
    end: wait(() => stream.end())
  }
}
