/**
 * The dataset over its store and its index. A file gets its name in the store first and its row second: a row without its file
 * means that something was lost later, a file without its row that somebody was not answered yet.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { type PlatformError, systemError } from "effect/PlatformError"
import * as Scope from "effect/Scope"
import type { StoredAnswer } from "../domain/protocol.ts"
import type { IndexRow } from "../domain/row.ts"
import { wordsOf } from "../systemError.ts"
import { withServices } from "../withServices.ts"
import { adopt, complete } from "./adopt.ts"
import { type Arrival, Dataset, type Standing } from "./Dataset.ts"
import { type Fatal, orEndProgram } from "./Fatal.ts"
import { IndexLog, layerIndexLog } from "./IndexLog.ts"
import { removeLeftovers } from "./leftovers.ts"
import { makeNameLocks } from "./nameLocks.ts"
import { otherContent, storedCopyLost } from "./problems.ts"
import { repair } from "./repair.ts"
import { accepts, answerOf, describes, type FullRow, isFull, isOf, now, rowOf } from "./rows.ts"
import { layerStore, Store } from "./Store.ts"
import { type EpisodeName, nameOf, type StoreOptions } from "./storePaths.ts"
import { cannotStore, type IndexUnavailable } from "./trouble.ts"
import { makeVerdicts, type Verdicts } from "./verdicts.ts"

interface Options extends StoreOptions {
  readonly verdicts: Verdicts
}

/** An arrival that has its place: what is answered, and the row that is still to be written for it. */
interface Placed {
  readonly answer: StoredAnswer
  readonly row?: FullRow
}

const digestsOf = (row: IndexRow) => ({ sha256: row.sha256, contentSha256: row.content_sha256 })

const orProblem = <A, R>(effect: Effect.Effect<A, PlatformError | IndexUnavailable, R>) =>
  Effect.mapError(effect, cannotStore)

/** What the index says of a name, held against the store. */
type Indexed = Exclude<Standing, { readonly _tag: "Unindexed" }>

const judge = Effect.fnUntraced(function* (name: EpisodeName, options: Options) {
  const index = yield* IndexLog
  const store = yield* Store
  const row = yield* index.findLast(name)
  if (row === undefined) return { _tag: "Absent" } satisfies Indexed as Indexed
  if (row.status === "withdrawn") return { _tag: "Withdrawn", row } satisfies Indexed as Indexed
  const file = yield* store.inspect(name)
  const lost: Indexed = { _tag: "Lost", row }
  if (file?.type !== "File" || file.size !== row.bytes) return lost
  const present: Indexed = { _tag: "Present", row }
  if (isFull(row)) return present
  const known = options.verdicts.recall(name, file)
  if (known !== undefined) return known === row.sha256 ? present : lost
  const completed = yield* complete(name, row, options)
  if (completed._tag === "Row") return { _tag: "Present", row: completed.row } satisfies Indexed as Indexed
  options.verdicts.remember(name, file, completed.sha256)
  return completed.sha256 === row.sha256 ? present : lost
}, orProblem)

/** The same for a name whose arrival is not here yet: an arrival meets a file without a row when it is linked. */
const judgeFirst = Effect.fnUntraced(function* (name: EpisodeName, options: Options) {
  const standing = yield* judge(name, options)
  if (standing._tag !== "Absent") return standing
  const store = yield* Store
  const file = yield* orProblem(store.inspect(name))
  return file?.type === "File" ? ({ _tag: "Unindexed" } satisfies Standing as Standing) : standing
})

const compare = (row: IndexRow, arrival: Arrival) =>
  accepts(row, arrival)
    ? Effect.succeed<Placed>({ answer: answerOf("already_present", row, arrival.contentSha256) })
    : Effect.fail(otherContent(digestsOf(row), arrival))

/** A stored file without a row: it counts from now on, and the arrival is measured by it. */
const meetUnindexed = Effect.fnUntraced(function* (arrival: Arrival, options: Options) {
  const adopted = yield* orProblem(adopt(arrival, options))
  if (adopted._tag === "Row") yield* orProblem(removeLeftovers(arrival, options))
  return yield* adopted._tag === "Row"
    ? compare(adopted.row, arrival)
    : Effect.fail(storedCopyLost({ sha256: adopted.sha256, contentSha256: undefined }, arrival))
})

/** Nothing stands under the name. What the gate did not let in is not linked: the file that it was to meet may be gone. */
const placeNew = Effect.fnUntraced(function* (
  standing: Extract<Indexed, { readonly _tag: "Absent" | "Withdrawn" }>,
  arrival: Arrival,
  options: Options
) {
  const store = yield* Store
  const mayEnter = arrival.isNew || (standing._tag === "Withdrawn" && isOf(standing.row, arrival))
  if (!mayEnter) return yield* meetUnindexed(arrival, options)
  if (!(yield* orProblem(store.link(arrival.path, arrival)))) return yield* meetUnindexed(arrival, options)
  const row = rowOf(arrival, arrival, yield* now)
  return { answer: answerOf("stored", row), row } satisfies Placed as Placed
})

const taken = (name: EpisodeName) =>
  systemError({
    _tag: "AlreadyExists",
    module: "Store",
    method: "link",
    description: `somebody else put a file in the place of ${nameOf(name)}`
  })

/** The stored copy is lost: its own content may take its place again, nothing else may. */
const heal = Effect.fnUntraced(function* (lost: IndexRow, arrival: Arrival) {
  if (!accepts(lost, arrival)) return yield* Effect.fail(storedCopyLost(digestsOf(lost), arrival))
  const store = yield* Store
  const row = rowOf(arrival, arrival, yield* now)
  yield* Effect.gen(function* () {
    if ((yield* store.inspect(arrival)) !== undefined) {
      const aside = yield* store.setAside(arrival)
      yield* Effect.logWarning("a damaged copy was set aside").pipe(Effect.annotateLogs({ path: aside }))
    }
    // A crash here leaves a row whose file is lost, as before.
    if (!(yield* store.link(arrival.path, arrival))) return yield* taken(arrival)
  }).pipe(orProblem)
  return { answer: answerOf("stored", row), ...(describes(lost, arrival) ? {} : { row }) } satisfies Placed as Placed
})

const place = Effect.fnUntraced(function* (arrival: Arrival, options: Options) {
  const standing = yield* judge(arrival, options)
  switch (standing._tag) {
    case "Absent":
    case "Withdrawn":
      return yield* placeNew(standing, arrival, options)
    case "Present":
      return yield* compare(standing.row, arrival)
    case "Lost":
      return yield* heal(standing.row, arrival)
  }
})

const removeIncoming = (fs: FileSystem.FileSystem, { path }: Arrival): Effect.Effect<void> =>
  fs
    .remove(path, { force: true })
    .pipe(
      Effect.catch((error) =>
        Effect.logWarning("an upload that is done with could not be removed from incoming/").pipe(
          Effect.annotateLogs({ path, error: wordsOf(error) })
        )
      )
    )

const commit = Effect.fnUntraced(function* (arrival: Arrival, options: Options) {
  const index = yield* IndexLog
  const fs = yield* FileSystem.FileSystem
  const placed = yield* place(arrival, options).pipe(Effect.tapError(() => removeIncoming(fs, arrival)))
  // A row that cannot be appended leaves the name in `incoming/`: it tells the next start of a stored file without a row.
  if (placed.row !== undefined) yield* orProblem(index.append(placed.row))
  // A crash from here on leaves a name in `incoming/` of which the index knows: the next start removes it.
  yield* Scope.addFinalizer(yield* Effect.scope, removeIncoming(fs, arrival))
  return placed.answer
})

const make = Effect.fnUntraced(function* (storeOptions: StoreOptions) {
  yield* repair(storeOptions)
  const options: Options = { ...storeOptions, verdicts: makeVerdicts() }
  const index = yield* IndexLog
  const oneAtATime = makeNameLocks()
  const services = yield* Effect.context<Exclude<Effect.Services<ReturnType<typeof commit>>, Scope.Scope> | Fatal>()

  return Dataset.of({
    // Behind whoever is storing or healing it: what is said to be there is durable there.
    standing: (hostId, episodeId) => {
      const name = { hostId, episodeId }
      return oneAtATime(nameOf(name), judgeFirst(name, options)).pipe(orEndProgram, withServices(services))
    },
    commit: (arrival) =>
      Effect.flatMap(Effect.scope, (answered) =>
        oneAtATime(nameOf(arrival), commit(arrival, options)).pipe(
          Effect.uninterruptible,
          orEndProgram,
          // The caller's scope, not the one that the services were made in.
          Scope.provide(answered),
          withServices(services)
        )
      ),
    trouble: index.trouble
  })
})

/** The services that write the store, over one lock: index and files. */
export const layerWriters = (options: StoreOptions) =>
  Layer.provideMerge(layerStore(options.storeRoot), layerIndexLog(options))

/** Holds the store, repairs what a crash left, and takes arrivals. */
export const layerDataset = (options: StoreOptions) =>
  Layer.effect(Dataset, make(options)).pipe(Layer.provide(layerWriters(options)))
