import type { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import type { EpisodeId, HostId } from "../src/domain/names.ts"
import {
  type Change,
  type Coverage,
  type Entry,
  type LastLine,
  Lookup,
  LookupUnavailable,
  type Place
} from "../src/services/Lookup.ts"
import { createNew, openOrCreate } from "./lookup/database.ts"
import { BUSY, FULL, OF_THE_DISK, resultCode } from "./lookup/resultCode.ts"
import { makeTable, type Table } from "./lookup/table.ts"

/** What the disk did not take is said, and that somebody else holds it; anything else is our own mistake. */
const attempt = <A>(call: () => A): Effect.Effect<A, LookupUnavailable> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(call())
    } catch (thrown) {
      const code = resultCode(thrown)
      if (!Predicate.isError(thrown) || !(code === BUSY || OF_THE_DISK.has(code))) return Effect.die(thrown)
      const message = `the lookup beside the index: ${thrown.message}`
      return Effect.fail(new LookupUnavailable({ message, full: code === FULL }))
    }
  })

/** Opened with the first question, by when whoever asks holds the store. */
const make = (open: () => DatabaseSync): Effect.Effect<Lookup["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const opened = Effect.acquireRelease(attempt(open), (database) => Effect.sync(() => database.close()))
    const table = yield* Effect.cached(Effect.provideService(Effect.map(opened, makeTable), Scope.Scope, scope))
    const change = <A>(question: (table: Table) => A) => Effect.flatMap(table, (it) => attempt(() => question(it)))
    const ask = <A>(question: (table: Table) => A): Effect.Effect<A> => Effect.orDie(change(question))
    return {
      coverage: change((table) => table.coverage()),
      find: (hostId, episodeId) => ask((table) => table.find(hostId, episodeId)),
      page: (after, limit) => ask((table) => table.page(after, limit)),
      count: ask((table) => table.count()),
      apply: (changes, coverage) => change((table) => table.apply(changes, coverage)),
      clear: change((table) => table.clear()),
      settle: change((table) => table.settle())
    }
  })

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

const byName = (a: Omit<Entry, keyof Place>, b: Omit<Entry, keyof Place>): number =>
  compare(a.hostId, b.hostId) || compare(a.episodeId, b.episodeId)

/** Forgets everything with the layer, and holds everything in memory: for a small dataset or a simulated one. */
export const layerMemory: Layer.Layer<Lookup> = Layer.sync(Lookup, () => {
  const lines = new Map<string, Entry & LastLine>()
  let coverage: Coverage | undefined
  const keyOf = (hostId: HostId, episodeId: EpisodeId): string => `${hostId}/${episodeId}`
  const change = ({ hostId, episodeId, place, stands }: Change): void =>
    void lines.set(keyOf(hostId, episodeId), { hostId, episodeId, ...place, stands })
  const standing = (): ReadonlyArray<Entry> =>
    [...lines.values()].filter(({ stands }) => stands).map(({ stands: _, ...entry }) => entry)
  const page = (after: Omit<Entry, keyof Place> | undefined, limit: number): ReadonlyArray<Entry> =>
    standing()
      .filter((entry) => after === undefined || byName(entry, after) > 0)
      .toSorted(byName)
      .slice(0, limit)
  const lineOf = (entry: (Entry & LastLine) | undefined): LastLine | undefined =>
    entry && { offset: entry.offset, length: entry.length, stands: entry.stands }

  return Lookup.of({
    coverage: Effect.sync(() => coverage),
    find: (hostId, episodeId) => Effect.sync(() => lineOf(lines.get(keyOf(hostId, episodeId)))),
    page: (after, limit) => Effect.sync(() => page(after, limit)),
    count: Effect.sync(() => standing().length),
    apply: (changes, now) =>
      Effect.sync(() => {
        for (const each of changes) change(each)
        coverage = now
      }),
    clear: Effect.sync(() => {
      lines.clear()
      coverage = undefined
    }),
    settle: Effect.void
  })
})

/** SQLite beside the index; opening it waits for the first question. */
export const layerLookup = (indexPath: string): Layer.Layer<Lookup> =>
  Layer.effect(
    Lookup,
    make(() => openOrCreate(`${indexPath}.lookup`))
  )

/** SQLite in a file of its own that has no name and goes with the layer: for those who only read. */
export const layerTemporary: Layer.Layer<Lookup> = Layer.effect(
  Lookup,
  make(() => createNew(""))
)
