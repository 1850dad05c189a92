/** What is on its way to the receiver, for those who look at the shipper. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { advance, bytesPerSecond, startTrack, type Track } from "../domain/speed.ts"
import { Progress } from "./Progress.ts"
import type { Parcel } from "./parcel.ts"

/** One tarball on its way. */
export interface Transfer {
  readonly bytes: number
  /** What the receiver has of it by its own word; of a tarball in one piece what was handed to the connection. */
  track: Track
}

/** Is told how many of a tarball's bytes are there. */
export interface Way {
  /** When sending begins: those tell nothing of how fast it goes. */
  readonly begun: (bytes: number) => void
  readonly sent: (bytes: number) => void
}

/** Shows a parcel as being on its way while `use` goes on. */
export const onItsWay = Effect.fnUntraced(function* <A, E, R>(
  { bytes, episodeId }: Parcel,
  use: (way: Way) => Effect.Effect<A, E, R>
) {
  const { moving, transfers } = yield* Progress
  const clock = yield* Clock.Clock
  const mark = (sent: number) => ({ nanos: clock.monotonicTimeNanosUnsafe(), bytes: sent })
  const transfer: Transfer = { bytes, track: startTrack(mark(0)) }
  const way: Way = {
    begun: (there) => {
      transfer.track = startTrack(mark(there))
    },
    sent: (there) => {
      transfer.track = advance(transfer.track, mark(there))
    }
  }
  transfers.set(episodeId, transfer)
  moving.openUnsafe()
  return yield* Effect.ensuring(
    use(way),
    Effect.sync(() => transfers.delete(episodeId))
  )
})

/** A transfer in figures: bytes, bytes per second, seconds left (absent when nothing moves). */
export const Figures = Schema.Struct({
  episode_id: Schema.String,
  bytes: Schema.Int,
  sent_bytes: Schema.Int,
  bytes_per_second: Schema.Int,
  seconds_left: Schema.optionalKey(Schema.Int)
})
export type Figures = typeof Figures.Type

/** Of everything on its way, the largest first. */
export const figures = Effect.gen(function* () {
  const { transfers } = yield* Progress
  const nanos = yield* Clock.monotonicTimeNanos
  return [...transfers]
    .map(([episode_id, { bytes, track }]): Figures => {
      const rate = bytesPerSecond(track, nanos)
      const sent_bytes = track.last.bytes
      return {
        episode_id,
        bytes,
        sent_bytes,
        bytes_per_second: Math.round(rate),
        ...(rate >= 1 && { seconds_left: Math.round((bytes - sent_bytes) / rate) })
      }
    })
    .toSorted((a, b) => b.bytes - a.bytes)
})
