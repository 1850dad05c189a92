/** The master's part of the API. */
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import { header, type Problem } from "../../domain/protocol.ts"
import { formatTime } from "../../domain/time.ts"
import { complaints } from "../../domain/topology/complaints.ts"
import { Heartbeat } from "../../domain/topology/wire.ts"
import { json } from "../answers.ts"
import { Hosts } from "../hosts.ts"
import { type Client, mayWriteAs } from "../identity.ts"
import { refuseIf } from "../questions.ts"
import { readJsonBody } from "../readJsonBody.ts"
import { hostIn, type Target } from "../target.ts"
import { cannotStore } from "../trouble.ts"
import { Book } from "./book.ts"
import { Commanding } from "./command.ts"
import { fleetRows } from "./fleet.ts"
import { hear } from "./hear.ts"
import { supersededBy } from "./next.ts"
import { Refusals } from "./refusals.ts"
import type { Watched } from "./watched.ts"

const MAX_BODY_BYTES = 1024 * 1024

const decodeHeartbeat = Schema.decodeUnknownEffect(Heartbeat, { errors: "all" })

const MOST_FAULTS = 5

const noHeartbeat = (faults: ReadonlyArray<string>): Problem => ({
  problem: "bad-request",
  error: `the body is not what an agent reports: ${faults.slice(0, MOST_FAULTS).join("; ")}`,
  remediation: 'send {"host_id": "…", "agent_version": "…", "topology": …} as the API description names it'
})

/** `POST /v1/heartbeat`: what an agent reports of its own host; as a dry run only whether it would be heard. */
export const heartbeat = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  _target: Extract<Target, { readonly _tag: "Heartbeat" }>,
  client: Client
) {
  const body = yield* readJsonBody(request, MAX_BODY_BYTES)
  const said = yield* Effect.mapError(decodeHeartbeat(body), (error) => noHeartbeat(complaints(error.issue)))
  const book = yield* Book
  const refusals = yield* Refusals
  const dry = request.headers[header.dryRun] === "true"
  yield* refuseIf(mayWriteAs(client, said.host_id)).pipe(
    Effect.andThen(book.find(said.host_id)),
    Effect.tapError((problem) => refusals.say(said.host_id, problem))
  )
  if (!dry) {
    yield* refusals.taken(said.host_id)
    yield* hear(said)
  }
  return HttpServerResponse.empty({ status: 204 })
})

/** `GET /v1/hosts`: the fleet. */
export const listHosts = Effect.gen(function* () {
  const book = yield* Book
  const hosts = yield* Hosts
  const watched = yield* book.all
  return json(
    200,
    fleetRows({
      known: new Set(watched.map(({ hostId }) => hostId)),
      checkIns: yield* Effect.mapError(hosts.all, cannotStore),
      reports: watched.map(({ report }) => report),
      standings: watched.flatMap(({ standing }) => (standing === undefined ? [] : [standing]))
    })
  )
})

const orderAnswer = ({ hostId, report, standing }: Watched) => {
  const topology = standing?.wanted?._tag === "Topology" ? standing.wanted : undefined
  return {
    host_id: hostId,
    managed: standing !== undefined,
    generation: standing?.order.generation ?? null,
    version_hash: topology?.versionHash ?? null,
    set_at: standing === undefined ? null : formatTime(standing.order.setAt),
    superseded_by: (standing && supersededBy(standing, report.said?.topology)) ?? null
  }
}

type TopologyTarget = Extract<Target, { readonly _tag: "Topology" }>

/** `PUT /v1/hosts/{host_id}/topology`: what the host should run; null for nothing. */
export const setTopology = Effect.fnUntraced(function* (request: HttpServerRequest, target: TopologyTarget) {
  const commanding = yield* Commanding
  const hostId = yield* Effect.fromResult(hostIn(target))
  const document = yield* readJsonBody(request, MAX_BODY_BYTES)
  const takeOver = request.headers[header.takeOver] === "true"
  return json(200, orderAnswer(yield* commanding.order(hostId, document, takeOver)))
})

/** `GET /v1/hosts/{host_id}/topology`: what the host should run. */
export const showTopology = Effect.fnUntraced(function* (_request: HttpServerRequest, target: TopologyTarget) {
  const book = yield* Book
  const host = yield* book.find(yield* Effect.fromResult(hostIn(target)))
  const wanted = host.standing?.wanted
  return json(200, { ...orderAnswer(host), hydrated: wanted?._tag === "Topology" ? wanted.hydrated : null })
})
