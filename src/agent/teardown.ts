/** Takes a topology away, because a master asks for it now. Nothing that runs without being asked imports this. */
import * as Effect from "effect/Effect"
import { AppliedTopology } from "../services/AppliedTopology.ts"
import { memoryUnavailable, nowSeconds, shortened, unlessOlder } from "./memory.ts"
import type { TeardownOrder } from "./order.ts"
import type { AgentProblem } from "./problems.ts"
import { isEmpty, namesOf, remainderOf, removeAll } from "./remainder.ts"

/** Fails in words, with what is left. */
const takeAway = Effect.fnUntraced(
  function* (topologyId: string) {
    const troubles = yield* removeAll(yield* remainderOf(topologyId))
    const left = yield* remainderOf(topologyId)
    const why = troubles.map(({ message }) => message).join("; ")
    if (!isEmpty(left)) return yield* Effect.fail({ message: `${why}; left of it: ${namesOf(left)}` })
  },
  Effect.mapError(({ message }) => shortened(`tearing down: ${message}`))
)

const failed = (error: string): AgentProblem => ({ problem: "teardown-failed", error })

/** Well where nothing of it is there. Gives what is remembered then. */
export const teardown = Effect.fnUntraced(
  function* (order: TeardownOrder) {
    const memory = yield* AppliedTopology
    const before = yield* memory.read
    yield* unlessOlder(before, order.generation)
    const remembered = before.topology_id === order.topologyId
    const mark = (lastError: string) =>
      remembered ? Effect.flatMap(nowSeconds, (at) => memory.settle({ versionHash: "", lastError, at })) : Effect.void

    yield* memory.raise(order.generation)
    yield* mark("tearing down")
    // A crash from here on leaves an empty hash and "tearing down", until the master asks again.
    yield* Effect.catch(takeAway(order.topologyId), (error) => Effect.andThen(mark(error), Effect.fail(failed(error))))
    if (remembered) yield* memory.forget
    return yield* memory.read
  },
  Effect.catchTag("MemoryTrouble", (trouble) => Effect.fail(memoryUnavailable(trouble)))
)
