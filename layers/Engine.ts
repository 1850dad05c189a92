import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { Engine, EngineHands, Engines, EngineTrouble } from "../src/services/Engine.ts"
import { Transport } from "../src/services/Transport.ts"
import { type Answer, type Ask, makeAsk, refused } from "./engine/ask.ts"
import { containersIn, networksIn } from "./engine/lists.ts"
import { containerBody, endpointBody, networkBody } from "./engine/orders.ts"
import { versioned } from "./engine/version.ts"

/** For what only looks: a heartbeat must not wait for an engine that hangs. */
const LOOK = "10 seconds"
/** For what changes something: a busy disk takes its time. */
const WORK = "2 minutes"

type Answered = Effect.Effect<Answer, EngineTrouble>

/** Fails unless the status is one of these. */
const expecting =
  (...statuses: ReadonlyArray<number>) =>
  (answered: Answered): Answered =>
    Effect.flatMap(answered, (answer) =>
      statuses.includes(answer.status) ? Effect.succeed(answer) : Effect.fail(refused(answer))
    )

const idIn = ({ body }: Answer): Effect.Effect<string, EngineTrouble> =>
  Predicate.isObject(body) && Predicate.isString(body.Id)
    ? Effect.succeed(body.Id)
    : Effect.fail(new EngineTrouble({ why: "unclear", message: "the engine did not say what it made" }))

const versionIn = ({ body }: Answer): string =>
  Predicate.isObject(body) && Predicate.isString(body.Version) ? body.Version : "of an unknown version"

const makeEyes = (ask: Ask): Engine["Service"] => {
  const get = (path: string, ...statuses: ReadonlyArray<number>) =>
    expecting(200, ...statuses)(ask({ method: "GET", path, patience: LOOK }))
  return {
    networks: Effect.flatMap(get("/networks"), ({ body }) => networksIn(body)),
    containers: Effect.flatMap(get("/containers/json?all=1"), ({ body }) => containersIn(body)),
    // A slash is part of the name; nothing else in it needs quoting. 400: it could never have an image of that name.
    hasImage: (reference) => Effect.map(get(`/images/${reference}/json`, 400, 404), ({ status }) => status === 200),
    version: Effect.map(get("/version"), versionIn)
  }
}

const makeHands = (ask: Ask): EngineHands["Service"] => {
  const post = (path: string, body?: Readonly<Record<string, unknown>>) =>
    ask({ method: "POST", path, patience: WORK, ...(body && { body }) })
  const remove = (path: string) => ask({ method: "DELETE", path, patience: WORK })
  return {
    createNetwork: (order) => Effect.flatMap(expecting(201)(post("/networks/create", networkBody(order))), idIn),
    removeNetwork: (id) => Effect.asVoid(expecting(204, 404)(remove(`/networks/${id}`))),
    createContainer: (order) =>
      Effect.flatMap(
        expecting(201)(post(`/containers/create?name=${encodeURIComponent(order.name)}`, containerBody(order))),
        idIn
      ),
    connect: (containerId, attachment) =>
      Effect.asVoid(
        expecting(200)(
          post(`/networks/${attachment.networkId}/connect`, {
            Container: containerId,
            EndpointConfig: endpointBody(attachment)
          })
        )
      ),
    startContainer: (id) => Effect.asVoid(expecting(204, 304)(post(`/containers/${id}/start`))),
    removeContainer: (id) => Effect.asVoid(expecting(204, 404)(remove(`/containers/${id}?force=1&v=1`)))
  }
}

/** Docker's Engine API over its unix socket, since Docker 20.10; connects with the first question. */
export const layerDocker = Layer.effect(
  Engines,
  Effect.map(Transport, (transport) => ({
    at: (socket) =>
      Layer.effectContext(
        Effect.map(transport.client({ unix_socket: socket, verify_tls: true }), (client) => {
          const ask = versioned(makeAsk(client, socket))
          return Context.make(Engine, makeEyes(ask)).pipe(Context.add(EngineHands, makeHands(ask)))
        })
      )
  }))
)
