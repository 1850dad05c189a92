/** Every route of the receiver, as one table, and how their outcomes become answers. */
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import type { Problem } from "../domain/protocol.ts"
import { Peer } from "../services/Peer.ts"
import { json } from "./answers.ts"
import { Auth } from "./auth.ts"
import { checkIn } from "./checkin.ts"
import type { Dataset } from "./Dataset.ts"
import type { Gate } from "./gate.ts"
import { health } from "./health.ts"
import type { Hosts } from "./hosts.ts"
import type { Client } from "./identity.ts"
import type { Intake } from "./intake.ts"
import type { Limits } from "./limits.ts"
import { lookUp } from "./lookup.ts"
import { openapi } from "./openapi.ts"
import { mistake, respondProblem, statusOf } from "./problems.ts"
import { type Target, targetOf } from "./target.ts"
import { upload } from "./upload.ts"

type World = Auth | Dataset | Gate | Hosts | Intake | Limits | Scope.Scope
type Route<T extends Target["_tag"]> = (
  request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: T }>
) => Effect.Effect<HttpServerResponse, Problem, World>
type Routes<T extends Target["_tag"]> = Readonly<Record<string, Route<T>>>

/** Names are quoted as they came: they may be malformed. */
const about = (target: Target) =>
  target._tag === "Episode" ? { host: target.hostId.slice(0, 200), episode: target.episodeId.slice(0, 200) } : {}

const logStranger = Effect.fnUntraced(function* (target: Target, problem: Problem) {
  const { ip, socket } = yield* Peer
  yield* Effect.logWarning(`refused: ${problem.error}`).pipe(
    Effect.annotateLogs({ ...about(target), from: ip ?? socket, status: statusOf(problem), problem: problem.problem })
  )
})

/** A route for hosts: who asks is settled before anything else is looked at, and there is no calling it without. */
const forHosts =
  <T extends Target["_tag"]>(
    route: (
      request: HttpServerRequest,
      target: Extract<Target, { readonly _tag: T }>,
      client: Client
    ) => Effect.Effect<HttpServerResponse, Problem, World>
  ): Route<T> =>
  (request, target) =>
    Effect.flatMap(Auth, (auth) => auth.authenticate(request)).pipe(
      Effect.tapError((problem) => logStranger(target, problem)),
      Effect.flatMap((client) => route(request, target, client))
    )

const description = () => Effect.succeed(json(200, openapi))

const table: { readonly [T in Target["_tag"]]: Routes<T> } = {
  Health: { GET: () => health, HEAD: () => health },
  Ping: { POST: forHosts(checkIn) },
  Openapi: { GET: description, HEAD: description },
  Episode: { HEAD: forHosts(lookUp), PUT: forHosts(upload) }
}

const dispatch = <T extends Target["_tag"]>(
  routes: Routes<T>,
  request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: T }>
): Effect.Effect<HttpServerResponse, Problem, World> => {
  const route = Object.hasOwn(routes, request.method) ? routes[request.method] : undefined
  if (route !== undefined) return route(request, target)
  const allow = Object.keys(routes).join(", ")
  const problem: Problem = { problem: "method-not-allowed", error: `this path takes ${allow}` }
  return Effect.succeed(respondProblem(problem, { allow }))
}

const nothingThere: Problem = {
  problem: "not-found",
  error: "the receiver has nothing under this path",
  remediation: "GET /v1/openapi.json describes what it has; receiver.url in lab-host.toml is without a path"
}

const route = (request: HttpServerRequest): Effect.Effect<HttpServerResponse, Problem, World> => {
  const target = targetOf(request.originalUrl)
  switch (target?._tag) {
    case undefined:
      return Effect.fail(nothingThere)
    case "Health":
      return dispatch(table.Health, request, target)
    case "Ping":
      return dispatch(table.Ping, request, target)
    case "Openapi":
      return dispatch(table.Openapi, request, target)
    case "Episode":
      return dispatch(table.Episode, request, target)
  }
}

/**
 * Answers every request with a response of our own, also after a defect. Not to be interrupted: what may be given up when a client
 * goes away says so itself (`abandonable`).
 */
export const app: Effect.Effect<HttpServerResponse, never, World | HttpServerRequest> = Effect.flatMap(
  HttpServerRequest,
  route
).pipe(
  Effect.catch((problem) => Effect.succeed(respondProblem(problem))),
  Effect.catchCause((cause) =>
    Effect.as(Effect.logError("a request met a mistake of the receiver's", cause), respondProblem(mistake))
  ),
  Effect.uninterruptible
)

/** Serves every route on the current `HttpServer`. */
export const layer = HttpServer.serve(app)
