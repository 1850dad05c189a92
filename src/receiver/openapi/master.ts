/** The master's routes. */
import { type ProblemName, path } from "../../domain/protocol.ts"
import {
  answer,
  count,
  hostId,
  object,
  orNull,
  parameter,
  refusals,
  type Schema,
  sha256,
  text,
  time,
  token
} from "./parts.ts"

const boolean: Schema = { type: "boolean" }
const listOf = (items: Schema): Schema => ({ type: "array", items })
const name: Schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" }
const anything: Schema = { type: "object" }
/** Other members are refused. */
const exactly = (schema: Schema): Schema => ({ ...schema, additionalProperties: false })

const hydrated = exactly(
  object({
    topology: exactly(object({ id: name, name: text })),
    lans: listOf(exactly(object({ name, subnet: text, is_dmz: boolean }))),
    deckies: listOf(
      exactly(
        object(
          {
            name,
            image: text,
            command: { anyOf: [text, listOf(text), { type: "null" }] },
            env: orNull({ type: "object", additionalProperties: text }),
            networks: listOf(exactly(object({ lan: name, ip: orNull(text) }, ["ip"])))
          },
          ["command", "env"]
        )
      )
    )
  })
)

const thing = object({ name: text, topology_id: orNull(text) }, ["topology_id"])
const container = object(
  { name: text, topology_id: orNull(text), state: orNull(text), networks: orNull(listOf(text)) },
  ["topology_id", "state", "networks"]
)
const observed: Schema = {
  anyOf: [
    object({ bridges: listOf({ anyOf: [text, thing] }), containers: listOf({ anyOf: [text, container] }) }),
    object({ error: text })
  ]
}

const state = object(
  {
    topology_id: orNull(text),
    applied_version_hash: orNull(text),
    applied_at: orNull({ type: "number" }),
    last_error: orNull(text),
    generation: orNull(count),
    observed: orNull(observed)
  },
  ["applied_at", "last_error", "generation", "observed"]
)

const body = (schema: Schema) => ({ required: true, content: { "application/json": { schema } } })

const ofBody: ReadonlyArray<ProblemName> = ["bad-request", "body-stalled", "length-required", "too-large"]
const ofAdmin: ReadonlyArray<ProblemName> = ["unauthenticated", "not-admin", "not-found"]
const admin = [{ bearer: [] }]

const heartbeat = {
  summary: "Say what a host runs",
  description: "Of its own host only. What comes of it is told to the agent, not answered here.",
  security: token,
  parameters: [
    parameter(
      "header",
      "X-Cis490-Dry-Run",
      { const: "true" },
      "Asks only whether it would be heard: nothing is noted of it.",
      false
    )
  ],
  requestBody: body(
    object({ host_id: hostId, agent_version: orNull(text), topology: orNull(state) }, ["agent_version"])
  ),
  responses: {
    204: { description: "Heard, or would be" },
    ...refusals([...ofBody, "unauthenticated", "certificate-refused", "wrong-host", "unknown-host"])
  }
}

const told = object({ at: time, generation: count, outcome: text, words: text })

const row = object(
  {
    host_id: hostId,
    seen_at: orNull(time),
    said: orNull(anything),
    instances: listOf(object({ id: text, seen_at: time })),
    quarantined_since: time,
    known: boolean,
    managed: boolean,
    last_heartbeat: orNull(time),
    agent_version: orNull(text),
    wanted_topology_id: orNull(text),
    wanted_version_hash: orNull(sha256),
    wanted_generation: orNull(count),
    wanted_since: orNull(time),
    applied_topology_id: orNull(text),
    applied_version_hash: orNull(text),
    applied_generation: orNull(count),
    needs_resync: boolean,
    drift: listOf(text),
    drift_since: orNull(time),
    superseded_by: orNull(count),
    told: orNull(told)
  },
  ["quarantined_since"]
)

const hosts = {
  summary: "List the fleet",
  security: admin,
  responses: { 200: answer("Every host that checked in or is known, by name", listOf(row)), ...refusals(ofAdmin) }
}

const order = {
  host_id: hostId,
  managed: boolean,
  generation: orNull(count),
  version_hash: orNull(sha256),
  set_at: orNull(time),
  superseded_by: orNull(count)
}

const setTopology = {
  summary: "Say what a host should run",
  description: "A topology, or null for nothing. Durable once it is answered; the agent is told from then on.",
  security: admin,
  parameters: [
    parameter(
      "header",
      "X-Cis490-Take-Over",
      { const: "true" },
      "The order counts above whatever generation the agent has obeyed.",
      false
    )
  ],
  requestBody: body(orNull(hydrated)),
  responses: {
    200: answer("Set; superseded_by is the generation that the agent has obeyed, where that is above", object(order)),
    ...refusals([...ofBody, ...ofAdmin, "bad-name", "invalid-topology", "unknown-host", "internal", "unavailable"])
  }
}

const showTopology = {
  summary: "Ask what a host should run",
  security: admin,
  responses: {
    200: answer("What was set last", object({ ...order, hydrated: orNull(hydrated) })),
    ...refusals([...ofAdmin, "bad-name", "unknown-host"])
  }
}

export const masterPaths = {
  [path.heartbeat]: { post: heartbeat },
  [path.hosts]: { get: hosts },
  "/v1/hosts/{host_id}/topology": {
    parameters: [parameter("path", "host_id", hostId, "Who is to run it. Not percent-encoded.")],
    put: setTopology,
    get: showTopology
  }
}
