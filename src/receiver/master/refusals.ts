/** Heartbeats that are refused: an agent comes again in half a minute, and each refusal is said once until it is taken. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { HostId } from "../../domain/names.ts"
import type { Problem } from "../../domain/protocol.ts"
import { Peer } from "../../services/Peer.ts"
import { statusOf } from "../problems.ts"

export class Refusals extends Context.Service<
  Refusals,
  {
    readonly say: (hostId: HostId, problem: Problem) => Effect.Effect<void>
    readonly taken: (hostId: HostId) => Effect.Effect<void>
  }
>()("cis490/receiver/master/Refusals") {}

/** Any host may make names up: the oldest is forgotten. */
const MOST = 1000

export const layer: Layer.Layer<Refusals> = Layer.sync(Refusals, () => {
  const said = new Map<HostId, Problem["problem"]>()
  const forgetOldest = (): void => {
    const [oldest] = said.keys()
    if (said.size > MOST && oldest !== undefined) said.delete(oldest)
  }
  const say = Effect.fnUntraced(function* (hostId: HostId, problem: Problem) {
    if (said.get(hostId) === problem.problem) return
    said.set(hostId, problem.problem)
    forgetOldest()
    const { ip, socket } = yield* Peer
    yield* Effect.logWarning(`refused a heartbeat: ${problem.error}; not said again until one is taken`).pipe(
      Effect.annotateLogs({ host: hostId, from: ip ?? socket, status: statusOf(problem), problem: problem.problem })
    )
  })
  return { say, taken: (hostId) => Effect.sync(() => void said.delete(hostId)) }
})
