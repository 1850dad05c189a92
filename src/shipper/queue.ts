/** Which of the waiting episodes is next: names from the disk, a batch at a time, so that a backlog of any size fits. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import { type EpisodeId, isEpisodeId } from "../domain/names.ts"
import type { Order } from "../domain/shipperSettings.ts"
import { Volume, type Weighed } from "../services/Volume.ts"
import { DONE_MARKER, Layout } from "./layout.ts"

interface Batch {
  readonly names: ReadonlyArray<string>
  /** Whether others come behind them. */
  readonly more: boolean
  /** All names that are accepted; counted from the first batch on. */
  readonly total: number
}

/** Gives one batch after the other, in its order. */
type Listing = Effect.Effect<Batch, PlatformError, Volume | Layout>
type List = (accepts: (name: string) => boolean) => Listing

/** Names held in memory at a time. */
const BATCH = 1024

const byName =
  (descending: boolean): List =>
  (accepts) => {
    let after = ""
    return Effect.gen(function* () {
      const volume = yield* Volume
      const { episodes } = yield* Layout
      const { names, total } = yield* volume.page(episodes, { after, limit: BATCH, accepts, descending })
      after = names.at(-1) ?? after
      return { names, more: total > names.length, total }
    })
  }

/** Finished episodes only: the others have no size yet. */
const bySize: List = (accepts) => {
  let after: Weighed | undefined
  return Effect.gen(function* () {
    const volume = yield* Volume
    const { episodes } = yield* Layout
    const found = yield* volume.lightest(episodes, { child: DONE_MARKER, after, limit: BATCH, accepts })
    const { behind, first, total } = found
    after = first.at(-1) ?? after
    return { names: first.map(({ name }) => name), more: behind > first.length, total }
  })
}

interface Ordering {
  readonly list: List
  /** What comes meanwhile may have to go first. */
  readonly hides: boolean
  /** It pushes back what has been begun: where more comes than the line carries, no upload would come to its end. */
  readonly pushes: boolean
}

const orderings: Readonly<Record<Order, Ordering>> = {
  "oldest-first": { list: byName(false), hides: false, pushes: false },
  "newest-first": { list: byName(true), hides: true, pushes: true },
  "smallest-first": { list: bySize, hides: true, pushes: false }
}

/** Something may come at any time: after so long it is looked for again, and never more time goes into looking than into sending. */
const TURN_NANOS = 60_000_000_000n
const LOOKS_PER_TURN = 10n

/** `begun`: what was handed back, the oldest first. */
interface Taking {
  readonly how: "in turns" | "to the end"
  readonly begun?: ReadonlySet<EpisodeId>
}

/**
 * Gives one episode after the other to whoever asks, those in `last` behind all others. Names that are no ids are left out. In turns,
 * it ends early where something that came meanwhile would have to go first.
 */
export const openQueue = Effect.fnUntraced(function* (
  order: Order,
  last: ReadonlySet<string>,
  { begun = new Set(), how }: Taking
) {
  const one = yield* Semaphore.make(1)
  const { hides, list, pushes } = orderings[order]
  const listing = list((name) => isEpisodeId(name) && !last.has(name))
  const began = yield* Clock.monotonicTimeNanos
  let batch = yield* listing
  const total = batch.total + last.size
  const listed = yield* Clock.monotonicTimeNanos
  const look = (listed - began) * LOOKS_PER_TURN
  const end = listed + (look > TURN_NANOS ? look : TURN_NANOS)
  const isOver = Effect.map(Clock.monotonicTimeNanos, (now) => how === "in turns" && now > end)
  const lasts = [...last].filter(isEpisodeId).toSorted()
  /** Behind the first of all others. */
  const seconds = pushes ? [...begun] : []
  const given = new Set<string>()
  let at = 0
  let cut = false
  const isEmpty = () => at === batch.names.length && !batch.more && lasts.length === 0

  const take = Effect.gen(function* () {
    if (at === batch.names.length && batch.more) {
      batch = yield* listing
      at = 0
    }
    if (at > 0 && seconds.length > 0) return seconds.shift()
    return at < batch.names.length ? batch.names[at++] : lasts.shift()
  })
  const next = Effect.gen(function* () {
    if (hides && (yield* isOver)) {
      cut = true
      return undefined
    }
    let name = yield* take
    while (name !== undefined && given.has(name)) name = yield* take
    if (!isEpisodeId(name)) return undefined
    if (begun.has(name)) given.add(name)
    return name
  })
  return {
    total,
    next: one.withPermit(next),
    wasCut: () => cut,
    /** It is time to list anew: what came meanwhile goes before what is left, or nothing is left. */
    isStale: Effect.map(isOver, (over) => over && (hides || isEmpty()))
  }
})
export type Queue = Effect.Success<ReturnType<typeof openQueue>>
