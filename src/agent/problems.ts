/** Every refusal the agent knows: its stable name, its status, its title. */
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { type Refusal, respondRefusal } from "../http/problemDocument.ts"

const problems = {
  "bad-request": { status: 400, title: "The request is malformed" },
  "invalid-topology": { status: 400, title: "This topology cannot be run" },
  "hash-mismatch": { status: 400, title: "The version hash is not that of the topology" },
  unauthenticated: { status: 401, title: "No valid token, or no certificate" },
  "certificate-refused": { status: 403, title: "The client certificate is not accepted" },
  "not-found": { status: 404, title: "There is nothing under this path" },
  "method-not-allowed": { status: 405, title: "This path does not take that method" },
  "body-stalled": { status: 408, title: "The body stopped moving" },
  "other-topology": { status: 409, title: "Another topology is applied" },
  "older-generation": { status: 409, title: "A later order was obeyed already" },
  "too-large": { status: 413, title: "The request is too large" },
  internal: { status: 500, title: "The agent made a mistake" },
  "apply-failed": { status: 500, title: "The topology could not be applied" },
  "teardown-failed": { status: 500, title: "The topology could not be torn down" },
  "memory-unavailable": { status: 503, title: "The agent's memory cannot be used now" },
  busy: { status: 503, title: "The agent cannot take this now" }
} as const
export type AgentProblemName = keyof typeof problems

/** A refusal as the agent decides it. */
export interface AgentProblem extends Pick<Refusal, "error" | "remediation" | "members"> {
  readonly problem: AgentProblemName
}

/** Seconds after which trying again makes sense. */
const RETRY_AFTER: Partial<Record<AgentProblemName, number>> = { "memory-unavailable": 30, busy: 5 }

export const statusOf = ({ problem }: AgentProblem): number => problems[problem].status

export const respondProblem = (
  { problem, ...said }: AgentProblem,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse =>
  respondRefusal({ ...said, ...problems[problem], name: problem, retryAfter: RETRY_AFTER[problem] }, headers)

export const mistake: AgentProblem = { problem: "internal", error: "the agent made a mistake; its log says which" }

export const malformed = (complaints: ReadonlyArray<string>): AgentProblem => ({
  problem: "bad-request",
  error: `the request cannot be understood: ${complaints.join("; ")}`
})

export const invalid = (faults: ReadonlyArray<string>): AgentProblem => ({
  problem: "invalid-topology",
  error: `this topology cannot be run here: ${faults.join("; ")}`,
  remediation: "mend the topology, and set it anew: cis490-receiver topology set HOST FILE"
})

export const otherTopology = (applied: string, yours: string): AgentProblem => ({
  problem: "other-topology",
  error: `${applied} is applied, and ${yours} cannot be beside it`,
  remediation: `tear ${applied} down first`,
  members: { applied_topology_id: applied, your_topology_id: yours }
})

export const olderGeneration = (highest: number, yours: number): AgentProblem => ({
  problem: "older-generation",
  error: `an order of generation ${highest} was obeyed already, and this is ${yours}: another master, or one that lost its database`,
  remediation: "if this master is the one to obey: cis490-receiver topology set HOST FILE --take-over",
  members: { generation: highest, your_generation: yours }
})
