/** Every route of the agent, as one table, and how their outcomes become answers. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as HttpServer from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { agentPath } from "../domain/topology/wire.ts"
import type { AppliedTopology, Remembered } from "../services/AppliedTopology.ts"
import type { Codec } from "../services/Codec.ts"
import type { Engine, EngineHands } from "../services/Engine.ts"
import type { Notify } from "../services/Notify.ts"
import { Peer } from "../services/Peer.ts"
import { Auth } from "./auth.ts"
import type { Host } from "./host.ts"
import { memoryUnavailable } from "./memory.ts"
import { ApplyOrder, TeardownOrder } from "./order.ts"
import { type AgentProblem, mistake, respondProblem, statusOf } from "./problems.ts"
import { sayStanding, topologyState } from "./state.ts"
import { Turn } from "./turn.ts"

type World =
  | AppliedTopology
  | Auth
  | Codec
  | Engine
  | EngineHands
  | FileSystem.FileSystem
  | Host
  | Notify
  | Scope.Scope
  | Turn
type Answered = Effect.Effect<HttpServerResponse.HttpServerResponse, AgentProblem, World>
type Route = (request: HttpServerRequest) => Answered

const json = (body: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(body), { contentType: "application/json" })

const logRefusal = Effect.fnUntraced(function* (problem: AgentProblem) {
  const { ip, socket } = yield* Peer
  const status = statusOf(problem)
  const log = status === 500 ? Effect.logError(problem.error) : Effect.logWarning(`refused: ${problem.error}`)
  yield* Effect.annotateLogs(log, { from: ip ?? socket, status, problem: problem.problem })
})

/** A route for the master: who asks is settled before anything else is looked at. */
const forMaster =
  (route: Route): Route =>
  (request) =>
    Effect.flatMap(Auth, (auth) => auth.authenticate(request.headers)).pipe(
      Effect.andThen(route(request)),
      Effect.tapError(logRefusal)
    )

const health: Route = () => Effect.succeed(json({ status: "ok" }))

const state: Route = () => Effect.map(Effect.mapError(topologyState, memoryUnavailable), json)

const obeyed = Effect.fnUntraced(function* (what: string, order: { readonly topologyId: string }, now: Remembered) {
  yield* Effect.logInfo(what).pipe(
    Effect.annotateLogs({ topology: order.topologyId, generation: now.generation, hash: now.applied_version_hash })
  )
  return json(now)
})

/** What changes the engine is loaded when a master asks for it, and by nothing else. */
const applying: Route = Effect.fnUntraced(function* (request: HttpServerRequest) {
  const order = yield* ApplyOrder.receive(request)
  const { apply } = yield* Effect.promise(() => import("./apply.ts"))
  const turn = yield* Turn
  return yield* obeyed("applied", order, yield* Effect.ensuring(turn.take(apply(order)), sayStanding))
})

const tearingDown: Route = Effect.fnUntraced(function* (request: HttpServerRequest) {
  const order = yield* TeardownOrder.receive(request)
  const { teardown } = yield* Effect.promise(() => import("./teardown.ts"))
  const turn = yield* Turn
  return yield* obeyed("torn down", order, yield* Effect.ensuring(turn.take(teardown(order)), sayStanding))
})

const table: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  [agentPath.health]: { GET: health, HEAD: health },
  [agentPath.state]: { GET: forMaster(state) },
  [agentPath.apply]: { POST: forMaster(applying) },
  [agentPath.teardown]: { POST: forMaster(tearingDown) }
}

const nothingThere: AgentProblem = {
  problem: "not-found",
  error: "the agent has nothing under this path",
  remediation: `it has ${Object.keys(table).join(", ")}; agent_url in receiver.toml is without a path`
}

const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/s, "")

const route = (request: HttpServerRequest): Answered => {
  const path = pathOf(request.originalUrl)
  const routes = Object.hasOwn(table, path) ? table[path] : undefined
  if (routes === undefined) return Effect.fail(nothingThere)
  const found = Object.hasOwn(routes, request.method) ? routes[request.method] : undefined
  if (found !== undefined) return found(request)
  const allow = Object.keys(routes).join(", ")
  return Effect.succeed(respondProblem({ problem: "method-not-allowed", error: `this path takes ${allow}` }, { allow }))
}

/** Not to be interrupted once an order is there whole: a client that goes away leaves nothing half done. */
export const app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, World | HttpServerRequest> =
  Effect.flatMap(HttpServerRequest, route).pipe(
    Effect.catch((problem) => Effect.succeed(respondProblem(problem))),
    Effect.catchCause((cause) =>
      Effect.as(Effect.logError("a request met a mistake of the agent's", cause), respondProblem(mistake))
    ),
    Effect.uninterruptible
  )

/** Serves every route on the current `HttpServer`. */
export const layer = HttpServer.serve(app)
