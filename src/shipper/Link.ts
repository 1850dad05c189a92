/** The share of the line that the episodes may take: one budget for all bodies on their way, after the timetable. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { closedWords, everCloses, isUnlimited, LEAST_RATE, rateAt, type Timetable } from "../domain/timetable.ts"
import { Progress, plannedWait } from "./Progress.ts"

/** Nothing may be sent at this time. */
export class LinkClosed extends Schema.TaggedError<LinkClosed>()("LinkClosed", {
  /** `window closed until 22:00` */
  words: Schema.String
}) {}

/**
 * The most of a body that is handed to the connection at a time, and counts as moved when that begins: on a slow line it takes a while.
 * Less than this undici hands on without waiting until it has gone.
 */
export const PIECE_BYTES = 64 * 1024

/** What one request has moved, so that another's progress does not keep it alive. */
export interface Meter {
  moved: number
  /** Held back by ourselves: silence is meant. */
  held?: boolean
}

export class Link extends Context.Service<
  Link,
  {
    /** Whether nothing is ever held back. */
    readonly unlimited: boolean
    /** Bytes per second at this time; 0 = nothing may be sent, `Infinity` = as much as goes. */
    readonly rate: Effect.Effect<number>
    /** Fails while nothing may be sent. */
    readonly open: Effect.Effect<void, LinkClosed>
    /** Waits while nothing may be sent. */
    readonly opened: Effect.Effect<void>
    /** The receiver asked to be left alone for so many seconds. */
    readonly restrain: (seconds: number) => Effect.Effect<void>
    /** Seconds that are left of it; 0 when it is over. */
    readonly restrained: Effect.Effect<number>
    /** Waits until it is over. */
    readonly unrestrained: Effect.Effect<void>
    /** Waits until so many bytes may go: its turn among all that ask, evenly, an eighth of a second's worth at a time. */
    readonly take: (bytes: number) => Effect.Effect<void>
    /**
     * Does a request with a body when no body would crawl beside it. Fails where nothing may be sent, and ends what has begun some
     * seconds after that time came: the receiver takes no body that stands still.
     */
    readonly admit: <A, E, R>(request: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LinkClosed, R>
    /** The same bytes, as they may go. */
    readonly throttle: <E, R>(body: Stream.Stream<Uint8Array, E, R>, meter: Meter) => Stream.Stream<Uint8Array, E, R>
  }
>()("cis490/shipper/Link") {
  static readonly layerUnlimited = Layer.sync(Link, () => makeUnlimited())
  static readonly layer = (timetable: Timetable) =>
    isUnlimited(timetable) ? Link.layerUnlimited : Layer.effect(Link, makeLimited(timetable))
}

const makeRestraint = () => {
  let until = 0n
  const restrained = Effect.map(Clock.monotonicTimeNanos, (now) => (until > now ? Number(until - now) / 1e9 : 0))
  return {
    restrained,
    unrestrained: Effect.gen(function* () {
      for (let left = yield* restrained; left > 0; left = yield* restrained) yield* Effect.sleep(left * 1000)
    }),
    restrain: (seconds: number) =>
      Effect.map(Clock.monotonicTimeNanos, (now) => {
        const end = now + BigInt(Math.ceil(seconds * 1e9))
        if (end > until) until = end
      })
  }
}

const makeUnlimited = (): Link["Service"] => ({
  ...makeRestraint(),
  unlimited: true,
  rate: Effect.succeed(Infinity),
  open: Effect.void,
  opened: Effect.void,
  take: () => Effect.void,
  admit: (request) => request,
  throttle: (body) => body
})

/** Bodies on their way where there is room for all. */
const MOST_BODIES = 1024

/** So that a slow line is taken evenly and not in bursts. */
const PIECES_PER_SECOND = 8
const SMALLEST_PIECE = 256
const BURST_NANOS = 1e9 / PIECES_PER_SECOND

/** What has begun when nothing may be sent any more has so long to end. */
const GRACE_MILLIS = 10_000
const LOOK_MILLIS = 1000

const makeLimited = Effect.fnUntraced(function* (timetable: Timetable) {
  const progress = yield* Progress
  const zone = yield* DateTime.CurrentTimeZone
  const bodies = yield* Semaphore.make(MOST_BODIES)
  /** Monotonic nanoseconds: everything that was given out so far has gone by then. */
  let goneBy = 0
  /** Goes on for what has begun. */
  let lastRate = LEAST_RATE

  const rate = Effect.map(Clock.currentTimeMillis, (now) => {
    const found = rateAt(timetable, zone, now)
    if (found > 0) lastRate = found
    return found
  })

  const open = Effect.gen(function* () {
    if ((yield* rate) > 0) return
    return yield* new LinkClosed({ words: closedWords(timetable, zone, yield* Clock.currentTimeMillis) })
  })

  // The clock on the wall is asked again and again: it may be set, and the host may sleep.
  const opened = Effect.gen(function* () {
    while ((yield* rate) === 0) yield* Effect.provideService(plannedWait(LOOK_MILLIS), Progress, progress)
  })

  const take = Effect.fnUntraced(function* (bytes: number) {
    yield* rate
    const now = Number(yield* Clock.monotonicTimeNanos)
    const mayGo = Math.max(goneBy, now - BURST_NANOS)
    goneBy = mayGo + (bytes / lastRate) * 1e9
    if (mayGo > now) yield* Effect.provideService(plannedWait((mayGo - now) / 1e6), Progress, progress)
  })

  const closing = Effect.gen(function* () {
    for (let closedFor = 0; ; ) {
      yield* Effect.sleep(LOOK_MILLIS)
      closedFor = (yield* rate) > 0 ? 0 : closedFor + LOOK_MILLIS
      if (closedFor >= GRACE_MILLIS) yield* open
    }
  })

  const admit = <A, E, R>(request: Effect.Effect<A, E, R>) => {
    const watched = everCloses(timetable) ? Effect.raceFirst(request, closing) : request
    return Effect.gen(function* () {
      yield* bodies.resize(Math.min(Math.max(Math.floor((yield* rate) / LEAST_RATE), 1), MOST_BODIES))
      return yield* bodies.withPermit(Effect.andThen(open, watched))
    })
  }

  const pieceSize = (): number =>
    Math.min(Math.max(Math.floor(lastRate / PIECES_PER_SECOND), SMALLEST_PIECE), PIECE_BYTES)

  const piecemeal = (chunk: Uint8Array, meter: Meter) =>
    Stream.paginate(chunk, (left: Uint8Array) =>
      Effect.gen(function* () {
        // Of this time: a piece of a faster one would hold up the line for minutes.
        yield* rate
        const piece = left.subarray(0, pieceSize())
        meter.held = true
        yield* Effect.ensuring(
          take(piece.length),
          Effect.sync(() => {
            meter.held = false
          })
        )
        const rest = left.subarray(piece.length)
        return [[piece], rest.length === 0 ? Option.none() : Option.some(rest)] as const
      })
    )

  return {
    ...makeRestraint(),
    unlimited: false,
    rate,
    open,
    opened,
    take,
    admit,
    throttle: (body, meter) => Stream.flatMap(body, (chunk) => piecemeal(chunk, meter))
  } satisfies Link["Service"]
})
