import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { digestText } from "../../digestText.ts"
import type { HostId } from "../../domain/names.ts"
import type { Problem } from "../../domain/protocol.ts"
import { formatTime } from "../../domain/time.ts"
import type { Wanted } from "../../domain/topology/drift.ts"
import type { Codec } from "../../services/Codec.ts"
import { type Order, Orders } from "../../services/Orders.ts"
import { Book } from "./book.ts"
import { type Standing, wantedOf } from "./order.ts"
import { saySuperseded } from "./superseded.ts"
import { dated, differencesOf, type Watched } from "./watched.ts"

const notKept = (message: string): Problem => ({
  problem: "unavailable",
  error: `what the host should run cannot be kept, and nothing was changed: ${message}`
})

const MOST_FAULTS = 20

const invalid = (faults: ReadonlyArray<string>): Problem => ({
  problem: "invalid-topology",
  error: `this is no topology that could be run: ${faults.slice(0, MOST_FAULTS).join("; ")}${faults.length > MOST_FAULTS ? "; and more" : ""}`,
  remediation: "mend it, and set it again; nothing was changed. GET /v1/openapi.json describes what is taken"
})

/** No master has given so many orders; above it there is room for all that are still to come. */
const HIGHEST_TAKEN_OVER = 2 ** 40

const unbelievable = (hostId: HostId, generation: number): Problem => ({
  problem: "unavailable",
  error: `the agent of ${hostId} says that it has obeyed generation ${generation}, which no master gives, and nothing was changed`,
  remediation: "on the lab host: stop the agent, take topology.db away, start it, and set the topology again"
})

/** One above the last of ours; with `takeOver` above what the agent has obeyed, too. */
const nextGeneration = ({ hostId, report, standing }: Watched, takeOver: boolean): Effect.Effect<number, Problem> => {
  const obeyed = takeOver ? (report.said?.topology?.generation ?? 0) : 0
  return obeyed > HIGHEST_TAKEN_OVER
    ? Effect.fail(unbelievable(hostId, obeyed))
    : Effect.succeed(Math.max(standing?.order.generation ?? 0, obeyed) + 1)
}

const ordered = (host: Watched, standing: Standing): Watched => {
  const next: Watched = { ...host, standing, told: undefined, attempts: 0, notBefore: 0 }
  const report = dated({ ...host.report }, differencesOf(next).length > 0, formatTime(standing.order.setAt))
  return { ...next, report }
}

/** Says what a host should run, one at a time: two orders never have the same generation. */
export class Commanding extends Context.Service<
  Commanding,
  {
    /** It is durable when this returns. `takeOver`: above whatever its agent has obeyed. */
    readonly order: (hostId: HostId, document: unknown, takeOver: boolean) => Effect.Effect<Watched, Problem>
  }
>()("cis490/receiver/master/Commanding") {}

export const layer: Layer.Layer<Commanding, never, Book | Codec | Orders> = Layer.effect(
  Commanding,
  Effect.gen(function* () {
    const book = yield* Book
    const digest = yield* digestText
    const orders = yield* Orders
    const one = yield* Semaphore.make(1)

    const set = Effect.fnUntraced(function* (hostId: HostId, wanted: Wanted, takeOver: boolean) {
      const before = yield* book.find(hostId)
      const order: Order = {
        hostId,
        generation: yield* nextGeneration(before, takeOver),
        hydratedJson: wanted._tag === "Nothing" ? null : JSON.stringify(wanted.hydrated),
        setAt: yield* Clock.currentTimeMillis
      }
      yield* Effect.mapError(orders.put(book.files.orders, order), ({ message }) => notKept(message))
      // A crash here leaves an order that nobody was told of: the next start reads it, and the next report acts upon it.
      yield* Effect.logInfo(
        `${hostId} is to run ${wanted._tag === "Nothing" ? "nothing" : wanted.hydrated.topology.id}`
      ).pipe(Effect.annotateLogs({ generation: order.generation }))
      yield* book.change(hostId, (host) => ordered(host, { order, wanted }))
      const after = yield* book.find(hostId)
      yield* saySuperseded(before, after)
      return after
    }, one.withPermit)

    const order = Effect.fnUntraced(function* (hostId: HostId, document: unknown, takeOver: boolean) {
      yield* book.find(hostId)
      const wanted = yield* Effect.fromResult(wantedOf(document, digest)).pipe(Effect.mapError(invalid))
      return yield* set(hostId, wanted, takeOver)
    })
    return { order }
  })
)
