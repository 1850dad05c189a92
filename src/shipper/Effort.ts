import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { isSilence, type Verdict } from "../domain/verdict.ts"
import { isSoonPacked } from "./pack.ts"

/** zstd's level where the line is what is waited for: above it telemetry gets hardly smaller, for much more work and memory. */
export const HARD_LEVEL = 8
/** How many times as long as at level 3 that takes: 4 to 6. */
const HARD_WORK = 5
/** What is on its way for less is no sign of a slow line, and is soon sent again when it was cut. */
const LONG_MILLIS = 1000
/** A smaller body mostly waits for answers: it tells that the line is slow only where it takes ten times as long. */
const SMALL_BYTES = 64 * 1024

/** What of the line's time each of several had who shared it: the clock of one goes the slower the more there are. */
const makeShares = () => {
  let sharing = 0
  let bytes = 0
  let millis = 0
  let last = 0n
  const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => {
    if (sharing > 0) millis += Number(nanos - last) / 1e6 / sharing
    last = nanos
    return millis
  })
  const change = (by: number, moved: number) =>
    Effect.map(now, (at) => {
      sharing += by
      bytes += moved
      return at
    })
  return {
    sharing: () => sharing,
    /** What those were together who share it now. */
    bytes: () => bytes,
    timed: <A, E, R>(moved: number, use: Effect.Effect<A, E, R>) =>
      Effect.acquireUseRelease(
        change(1, moved),
        (began) => Effect.flatMap(use, (value) => Effect.map(now, (ended) => ({ value, millis: ended - began }))),
        () => change(-1, -moved)
      )
  }
}

interface Packing {
  /** Of what is packed. */
  readonly bytes: number
  /** As configured. */
  readonly level: number
}

/** A mean of the last few. `undefined` before the first. */
const mean = (before: number | undefined, now: number): number => (before === undefined ? now : (3 * before + now) / 4)

/**
 * How hard to pack and how carefully to send, by how long sending took lately: while the line is full there is time to make less of what
 * has to go over it (as `zstd --adapt` does), as long as the line need not wait for that. Kept in memory only.
 */
export class Effort extends Context.Service<
  Effort,
  {
    /** Packs at the configured level, or harder: one episode at a time then, for memory and the host's own work. */
    readonly packing: <A, E, R>(
      what: Packing,
      pack: (level: number) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
    /** Does what keeps the processor busy for a while: half as many at a time as may be under way, two at least. The others travel meanwhile. */
    readonly inTurn: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /**
     * Where it takes long, only half as many travel at a time: the others are packed meanwhile, and the line never waits for one. After
     * one fell silent, small ones travel alone until something arrives: together they may be too many to arrive in time.
     */
    readonly sending: <E, R>(
      bytes: number,
      send: Effect.Effect<Verdict, E, R>,
      /** How many of them went now: those that were there before tell nothing about the line. */
      sent?: () => number
    ) => Effect.Effect<Verdict, E, R>
    /** Whether a body of so many bytes would be on its way for long. */
    readonly takesLong: (bytes: number) => boolean
  }
>()("cis490/shipper/Effort") {
  /** `concurrency`: how many are under way at a time. */
  static readonly layer = (concurrency: number) => Layer.effect(Effort, make(Math.ceil(concurrency / 2)))
}

const make = Effect.fnUntraced(function* (abreast: number) {
  const hard = yield* Semaphore.make(1)
  // Two at least: where a disk hangs under one, the other goes on.
  const workers = yield* Semaphore.make(Math.max(abreast, 2))
  const room = yield* Semaphore.make(abreast)
  const alone = yield* Semaphore.make(1)
  const line = makeShares()
  /** Of the line's time, lately, a byte; unknown until something took long. */
  let onTheLine: number | undefined
  /** Nothing arrived since something fell silent. */
  let isSilent = false
  /** Of the time it takes to pack as configured, about level 3, lately, a byte of the episode; unknown until a large one was packed. */
  let inPacking: number | undefined

  const takesLong = (bytes: number): boolean => (onTheLine ?? 0) * bytes * abreast > LONG_MILLIS

  /** Where the line is much faster than it was believed to be, everything tells. */
  const tells = (bytes: number, millis: number): boolean => {
    if (2 * millis < (onTheLine ?? 0) * bytes) return true
    return bytes < SMALL_BYTES ? millis >= 10 * LONG_MILLIS : millis >= LONG_MILLIS || takesLong(bytes)
  }
  const learn = (bytes: number, millis: number): void => {
    if (tells(bytes, millis)) onTheLine = mean(onTheLine, millis / Math.max(bytes, 1))
  }
  const isFull = (): boolean => line.sharing() >= abreast && takesLong(line.bytes() / line.sharing())

  /** Whether what travels now keeps the line busy until so much is packed hard; what waits to travel makes up for what is sent of it. */
  const keepsUp = (bytes: number): boolean =>
    isSoonPacked(bytes) ||
    HARD_WORK * (inPacking ?? Number.POSITIVE_INFINITY) * bytes <= line.bytes() * (onTheLine ?? 0)

  /** Small ones mostly wait for the disk, and tell nothing about the processor; a hard one takes so much the longer. */
  const packed = Effect.fnUntraced(function* <A, E, R>(bytes: number, pack: Effect.Effect<A, E, R>, work: number = 1) {
    if (isSoonPacked(bytes)) return yield* pack
    const began = yield* Clock.monotonicTimeNanos
    const made = yield* pack
    inPacking = mean(inPacking, Number((yield* Clock.monotonicTimeNanos) - began) / 1e6 / work / bytes)
    return made
  })

  const travel = Effect.fnUntraced(function* <E, R>(
    bytes: number,
    send: Effect.Effect<Verdict, E, R>,
    sent: () => number
  ) {
    const { millis, value } = yield* line.timed(bytes, send)
    if (isSilence(value)) isSilent = true
    if (value._tag === "Shipped" && value.answer.status === "stored") {
      isSilent = false
      learn(sent(), millis)
    }
    return value
  })
  const travelInRoom = <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>, sent: () => number) =>
    Effect.suspend(() => (takesLong(bytes) ? room.withPermit(travel(bytes, send, sent)) : travel(bytes, send, sent)))

  return {
    packing: <A, E, R>({ bytes, level }: Packing, pack: (level: number) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        const asConfigured = packed(bytes, pack(level))
        if (!isFull() || !keepsUp(bytes) || level >= HARD_LEVEL) return asConfigured
        return Effect.flatMap(
          hard.withPermitsIfAvailable(1)(packed(bytes, pack(HARD_LEVEL), HARD_WORK)),
          Option.match({ onNone: () => asConfigured, onSome: Effect.succeed })
        )
      }),
    inTurn: <A, E, R>(work: Effect.Effect<A, E, R>) => workers.withPermit(work),
    sending: <E, R>(bytes: number, send: Effect.Effect<Verdict, E, R>, sent = () => bytes) =>
      Effect.suspend(() => {
        const travelling = travelInRoom(bytes, send, sent)
        return isSilent && bytes <= SMALL_BYTES ? alone.withPermit(travelling) : travelling
      }),
    takesLong
  }
})
