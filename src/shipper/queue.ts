/** Which of the waiting episodes is next: names from the disk, a batch at a time, so that a backlog of any size fits. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import { isEpisodeId } from "../domain/names.ts"
import type { Order } from "../domain/shipperSettings.ts"
import { typeAt } from "../presence.ts"
import { Volume } from "../services/Volume.ts"
import { DONE_MARKER, Layout } from "./layout.ts"
import { Progress } from "./Progress.ts"
import { measureTree } from "./treeBytes.ts"

interface Batch {
  readonly names: ReadonlyArray<string>
  /** Whether others come behind them. */
  readonly more: boolean
  /** All names that are accepted; counted from the first batch on. */
  readonly total: number
}

/** Gives one batch after the other, in its order. */
type Listing = Effect.Effect<Batch, PlatformError, FileSystem.FileSystem | Volume | Layout | Progress>
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

interface Weighed {
  readonly name: string
  readonly bytes: number
}

const lighterFirst = (a: Weighed, b: Weighed): number => a.bytes - b.bytes || (a.name < b.name ? -1 : 1)

/** What cannot be measured comes last. */
const weigh = Effect.fnUntraced(
  function* (name: string) {
    const progress = yield* Progress
    const paths = yield* Layout
    progress.steps++
    if ((yield* typeAt(`${paths.episode(name)}/${DONE_MARKER}`)) !== "File") return []
    return [{ name, bytes: yield* measureTree(paths.episode(name)) }]
  },
  (weighed, name) => Effect.orElseSucceed(weighed, () => [{ name, bytes: Number.MAX_SAFE_INTEGER }])
)

const WEIGHED_AT_A_TIME = 8
/** Each look for more reads the whole directory. */
const LOOKED_AT = 8 * BATCH

/** Finished episodes only: the others have no size yet. */
const bySize: List = (accepts) => {
  let last: Weighed = { name: "", bytes: -1 }
  return Effect.gen(function* () {
    const volume = yield* Volume
    const { episodes } = yield* Layout
    let lightest: ReadonlyArray<Weighed> = []
    let behind = 0
    let total = 0
    for (let after: string | undefined = ""; after !== undefined; ) {
      const page: Effect.Success<ReturnType<typeof volume.page>> = yield* volume.page(episodes, {
        after,
        limit: LOOKED_AT,
        accepts
      })
      const weighed = yield* Effect.forEach(page.names, weigh, { concurrency: WEIGHED_AT_A_TIME })
      const candidates = weighed.flat().filter((one) => lighterFirst(last, one) < 0)
      behind += candidates.length
      total += page.names.length
      lightest = [...lightest, ...candidates].toSorted(lighterFirst).slice(0, BATCH)
      after = page.total > page.names.length ? page.names.at(-1) : undefined
    }
    last = lightest.at(-1) ?? last
    return { names: lightest.map(({ name }) => name), more: behind > lightest.length, total }
  })
}

const listings: Readonly<Record<Order, { readonly list: List; readonly hides: boolean }>> = {
  "oldest-first": { list: byName(false), hides: false },
  "newest-first": { list: byName(true), hides: true },
  "smallest-first": { list: bySize, hides: true }
}

/** What comes first may come at any time: after so long it is looked for again, and never more time goes into looking than into sending. */
const TURN_NANOS = 60_000_000_000n
const LOOKS_PER_TURN = 10n

/**
 * Gives one episode after the other to whoever asks, those in `last` behind all others. Names that are no ids are left out. In turns,
 * it ends early where something that came meanwhile would have to go first.
 */
export const openQueue = Effect.fnUntraced(function* (
  order: Order,
  last: ReadonlySet<string>,
  how: "in turns" | "to the end"
) {
  const one = yield* Semaphore.make(1)
  const { hides, list } = listings[order]
  const listing = list((name) => isEpisodeId(name) && !last.has(name))
  const began = yield* Clock.monotonicTimeNanos
  let batch = yield* listing
  const total = batch.total + last.size
  const listed = yield* Clock.monotonicTimeNanos
  const look = (listed - began) * LOOKS_PER_TURN
  const end = hides && how === "in turns" ? listed + (look > TURN_NANOS ? look : TURN_NANOS) : undefined
  const lasts = [...last].filter(isEpisodeId).toSorted()[Symbol.iterator]()
  let at = 0
  let cut = false

  const next = Effect.gen(function* () {
    if (end !== undefined && (yield* Clock.monotonicTimeNanos) > end) {
      cut = true
      return undefined
    }
    if (at === batch.names.length && batch.more) {
      batch = yield* listing
      at = 0
    }
    const name = at < batch.names.length ? batch.names[at++] : lasts.next().value
    return isEpisodeId(name) ? name : undefined
  })
  return { total, next: one.withPermit(next), wasCut: () => cut }
})
export type Queue = Effect.Success<ReturnType<typeof openQueue>>
