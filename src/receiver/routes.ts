/** Every route of the receiver, as one table, and how their outcomes become answers. */
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import type { Problem } from "../domain/protocol.ts"
import { json } from "./answers.ts"
import type { Auth } from "./auth.ts"
import { checkIn } from "./checkin.ts"
import type { Dataset } from "./Dataset.ts"
import type { Gate } from "./gate.ts"
import { health } from "./health.ts"
import type { Hosts } from "./hosts.ts"
import type { Intake } from "./intake.ts"
import type { Limits } from "./limits.ts"
import { lookUp } from "./lookup.ts"
import { openapi } from "./openapi.ts"
import { mistake, respondProblem } from "./problems.ts"
import { type Target, targetOf } from "./target.ts"
import { upload } from "./upload.ts"

type World = Auth | Dataset | Gate | Hosts | Intake | Limits | Scope.Scope
type Route<T extends Target["_tag"]> = (
  request: HttpServerRequest,
  target: Extract<Target, { readonly _tag: T }>
) => Effect.Effect<HttpServerResponse, Problem, World>
type Routes<T extends Target["_tag"]> = Readonly<Record<string, Route<T>>>

const description = () => Effect.succeed(json(200, openapi))

const table: { readonly [T in Target["_tag"]]: Routes<T> } = {
  Health: { GET: () => health, HEAD: () => health },
  Ping: { POST: checkIn },
  Openapi: { GET: description, HEAD: description },
  Episode: { HEAD: lookUp, PUT: upload }
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
