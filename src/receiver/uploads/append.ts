import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import type { Sha256 } from "../../domain/names.ts"
import type { Problem } from "../../domain/protocol.ts"
import * as Durable from "../../durable.ts"
import { Codec } from "../../services/Codec.ts"
import { mismatch, refusal } from "../arrived.ts"
import type { Body } from "../body.ts"
import { orEndProgram } from "../Fatal.ts"
import { steadyMillis } from "../steady.ts"
import type { Check } from "./checks.ts"
import { orLater } from "./dataFile.ts"
import { writeState } from "./state.ts"
import type { Upload } from "./Upload.ts"

/** While a long append comes, what came counts at least so often. */
const COUNT_BYTES = 32 * 1024 * 1024
const COUNT_MILLIS = 1000

/** Where the bytes of one append go. */
export interface Into {
  readonly directory: string
  readonly upload: Upload
  /** Open at the upload's offset. */
  readonly file: FileSystem.File
  /** Has seen as much as the offset says. */
  readonly check: Check | undefined
  /** Of this append. Without one what comes counts as it comes; with one, once it is known to be what was sent. */
  readonly contentSha256: Sha256 | undefined
}

/** Makes the first `end` bytes count. Nobody is told of them before. */
const count = Effect.fnUntraced(function* ({ directory, file, upload }: Into, end: number) {
  if (end === upload.offset) return
  const [progressAt, movedAt] = [yield* Clock.currentTimeMillis, yield* steadyMillis]
  yield* Durable.syncFile(file)
  // A crash here leaves bytes behind the offset, which count for nothing.
  yield* writeState(directory, upload.token, { announced: upload.announced, offset: end, progressAt })
  upload.offset = end
  upload.movedAt = movedAt
}, orEndProgram)

/** Writes a piece and checks it. Neither of the two may be cut short by the other's failure. */
const take = (into: Into, piece: Uint8Array): Effect.Effect<void, Problem> => {
  const { check, file } = into
  const fed = check === undefined ? Effect.void : check.feed(piece)
  return Effect.flatMap(
    Effect.all([fed, Effect.result(orLater(file.writeAll(piece)))], { concurrency: 2 }),
    ([, written]) => {
      if (Result.isFailure(written)) return Effect.fail(written.failure)
      const fault = check?.fault()
      return fault?.problem === "too-large" ? Effect.fail(refusal(fault)) : Effect.void
    }
  )
}

/**
 * Puts a body behind what is there. Whatever ends it, what came until then counts, unless its digest says that it is not what was
 * sent: then nothing of it does.
 */
export const append = Effect.fnUntraced(function* (into: Into, body: Body) {
  const { contentSha256, upload } = into
  const digest = contentSha256 === undefined ? undefined : (yield* Codec).sha256()
  let end = upload.offset
  let counted = yield* Clock.monotonicTimeNanos

  const pour = Effect.gen(function* () {
    for (let piece = yield* body.next; piece !== undefined; piece = yield* body.next) {
      yield* take(into, piece)
      end += piece.length
      digest?.update(piece)
      const now = yield* Clock.monotonicTimeNanos
      const isDue = end - upload.offset >= COUNT_BYTES || Number(now - counted) >= COUNT_MILLIS * 1e6
      if (digest !== undefined || !isDue) continue
      yield* orLater(count(into, end))
      counted = now
    }
  })
  const poured = yield* Effect.result(pour)
  const came = digest?.digest()
  if (Result.isSuccess(poured) && came !== undefined && contentSha256 !== undefined && came !== contentSha256) {
    return yield* Effect.fail(mismatch("this append", came, contentSha256))
  }
  yield* orLater(count(into, end))
  if (Result.isFailure(poured)) return yield* Effect.fail(poured.failure)
})
