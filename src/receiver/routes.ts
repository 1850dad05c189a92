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
import { lookUp } from "./head.ts"
import { health } from "./health.ts"
import type { Hosts } from "./hosts.ts"
import type { Client } from "./identity.ts"
import type { Intake } from "./intake.ts"
import type { Limits } from "./limits.ts"
import type { Book } from "./master/book.ts"
import type { Commanding } from "./master/command.ts"
import type { Refusals } from "./master/refusals.ts"
import { heartbeat, listHosts, setTopology, showTopology } from "./master/routes.ts"
import { openapi } from "./openapi.ts"
import { mistake, respondProblem, statusOf } from "./problems.ts"
import { type Target, targetOf } from "./target.ts"
import { upload } from "./upload.ts"
import { mayBeResumed } from "./uploads/fields.ts"
import { begin } from "./uploads/routes/begin.ts"
import { cancel } from "./uploads/routes/cancel.ts"
import { tellLimits } from "./uploads/routes/limits.ts"
import { look } from "./uploads/routes/look.ts"
import { proceed } from "./uploads/routes/proceed.ts"
import type { Uploads } from "./uploads/Uploads.ts"

type World = Auth | Book | Commanding | Dataset | Gate | Hosts | Intake | Limits | Refusals | Uploads | Scope.Scope
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

/** A route for the operator. */
const forAdmin =
  <T extends Target["_tag"]>(route: Route<T>): Route<T> =>
  (request, target) =>
    Effect.flatMap(Auth, (auth) => auth.command(request)).pipe(
      Effect.tapError((problem) => logStranger(target, problem)),
      Effect.andThen(Effect.suspend(() => route(request, target)))
    )

const description = () => Effect.succeed(json(200, openapi))

const put = (request: HttpServerRequest, target: Extract<Target, { readonly _tag: "Episode" }>, client: Client) =>
  mayBeResumed(request.headers) ? begin(request, target, client) : upload(request, target, client)

const table: { readonly [T in Target["_tag"]]: Routes<T> } = {
  Health: { GET: () => health, HEAD: () => health },
  Ping: { POST: forHosts(checkIn) },
  Openapi: { GET: description, HEAD: description },
  Episode: { HEAD: forHosts(lookUp), PUT: forHosts(put), POST: forHosts(begin), OPTIONS: forHosts(tellLimits) },
  Upload: { HEAD: forHosts(look), GET: forHosts(look), PATCH: forHosts(proceed), DELETE: forHosts(cancel) },
  Heartbeat: { POST: forHosts(heartbeat) },
  Fleet: { GET: forAdmin(() => listHosts) },
  Topology: { GET: forAdmin(showTopology), PUT: forAdmin(setTopology) }
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
    case "Upload":
      return dispatch(table.Upload, request, target)
    case "Heartbeat":
      return dispatch(table.Heartbeat, request, target)
    case "Fleet":
      return dispatch(table.Fleet, request, target)
    case "Topology":
      return dispatch(table.Topology, request, target)
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
