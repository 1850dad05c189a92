import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServerError from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Latch from "effect/Latch"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { concat } from "../domain/concat.ts"

/** Why no more will come. `too-long`: it had more than it may, and the rest was not looked at. */
export type Over = "ended" | "cut" | "too-long"

/** The bytes of a body as they arrive, read ahead of whoever takes them: so that none is lost with the connection. */
export interface ReadAhead {
  /** Ends when something is there to be taken, or nothing more will come. */
  readonly something: Effect.Effect<void>
  /** Puts what is there into `into`, from `at` on; gives how far it is filled. */
  readonly fill: (into: Uint8Array, at: number) => number
  /** Takes all that is there, where it came in one piece. */
  readonly takePiece: () => Uint8Array | undefined
  /** Bytes that came, taken or not. */
  readonly received: () => number
  /** Bytes that wait to be taken. */
  readonly ahead: () => number
  readonly over: () => Over | undefined
  /** Ends when nothing more will come. */
  readonly ended: Effect.Effect<void>
  /** Reads no further. */
  readonly stop: Effect.Effect<void>
}

/** Read ahead at most, or what comes at once more. */
const MOST_AHEAD = { bytes: 256 * 1024, pieces: 1024 }
/** Pieces that have less than so much on the average, of which many come at once, are less to copy than to keep. */
const SMALL_PIECE_BYTES = 4096

/**
 * Reads until the scope closes; of a body that has more than `most` bytes, those, and no more once so many came where they are all of
 * it. Dies of what the stream dies of when it is waited for.
 */
export const readAhead = (
  request: HttpServerRequest,
  { isAll, most }: { readonly most: number; readonly isAll: boolean }
): Effect.Effect<ReadAhead, never, Scope.Scope> =>
  Effect.gen(function* () {
    const came = Latch.makeUnsafe(false)
    const room = Latch.makeUnsafe(true)
    const pieces: Array<Uint8Array> = []
    let ahead = 0
    let received = 0
    let over: Over | undefined

    const isFull = (): boolean => ahead >= MOST_AHEAD.bytes || pieces.length >= MOST_AHEAD.pieces
    const take = (more: ReadonlyArray<Uint8Array>): boolean => {
      const bytes = more.reduce((sum, piece) => sum + piece.length, 0)
      if (bytes === 0) return true
      if (received + bytes > most) {
        over = "too-long"
        return false
      }
      if (bytes < more.length * SMALL_PIECE_BYTES) pieces.push(concat(more))
      else pieces.push(...more)
      received += bytes
      ahead += bytes
      if (isFull()) room.closeUnsafe()
      const goesOn = !isAll || received < most
      if (!goesOn) over = "ended"
      // Whoever waits goes on within this call.
      came.openUnsafe()
      return goesOn
    }
    const end = (how: Over) => Effect.sync(() => void (over = how))
    const scope = yield* Effect.scope
    const reading = Effect.gen(function* () {
      const pull = yield* Channel.toPullScoped(Stream.toChannel(request.stream), scope)
      const step = Effect.andThen(room.await, Effect.map(pull, take))
      while (yield* step) {}
    }).pipe(
      Pull.catchDone(() => end("ended")),
      Effect.catchIf(HttpServerError.isHttpServerError, () => end("cut"))
    )
    const reader = yield* Effect.forkScoped(Effect.ensuring(reading, came.open))

    const taken = (bytes: number): void => {
      ahead -= bytes
      if (!isFull()) room.openUnsafe()
      if (ahead === 0 && over === undefined) came.closeUnsafe()
    }
    const fill = (into: Uint8Array, from: number): number => {
      let at = from
      while (at < into.length) {
        const [piece] = pieces
        if (piece === undefined) break
        const part = piece.subarray(0, into.length - at)
        into.set(part, at)
        at += part.length
        if (part.length === piece.length) pieces.shift()
        else pieces[0] = piece.subarray(part.length)
      }
      taken(at - from)
      return at
    }
    const takePiece = (): Uint8Array | undefined => {
      const piece = pieces.length === 1 ? pieces.pop() : undefined
      if (piece === undefined) return undefined
      taken(piece.length)
      return piece
    }
    return {
      // Else a defect of the stream would be waited for in vain.
      something: Effect.andThen(
        came.await,
        Effect.suspend(() => (reader.pollUnsafe() === undefined ? Effect.void : Fiber.join(reader)))
      ),
      fill,
      takePiece,
      received: () => received,
      ahead: () => ahead,
      over: () => over,
      ended: Effect.asVoid(Fiber.await(reader)),
      stop: Effect.asVoid(Fiber.interrupt(reader))
    }
  })
