/** An agent in memory that answers over real HTTP as the contract says, and runs nothing. */
import * as http from "node:http"
import * as https from "node:https"
import type { AddressInfo } from "node:net"
import * as Result from "effect/Result"
import { HostId } from "../../src/domain/names.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { decodeApply, decodeTeardown, type TopologyState } from "../../src/domain/topology/wire.ts"
import { hashOf, idle, running } from "./topology.ts"
import { type Answer, send } from "./wire.ts"

interface Said {
  readonly status: number
  readonly body: unknown
}

const says = (status: number, body: unknown): Said => ({ status, body })

const read = async (request: http.IncomingMessage): Promise<unknown> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

export interface FakeAgentOptions {
  /** Asked for on every request. */
  readonly token?: string
  readonly generation?: number
  readonly runs?: Hydrated
  /** Mutual TLS; the clients' authority. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

export const startFakeAgent = async ({ generation = 0, runs, tls, token }: FakeAgentOptions = {}) => {
  /** What was asked of it, in order: `apply t1 3`. */
  const asked: Array<string> = []
  const control = {
    /** Comes before every answer; `undefined` to answer as usual. */
    instead: undefined as ((asked: string) => Said | undefined) | undefined,
    highest: generation,
    state: runs === undefined ? idle(generation) : running(runs, generation)
  }

  const obey = (given: number, work: () => Said): Said => {
    if (given < control.highest) {
      const error = `generation ${given} is older than ${control.highest}`
      return says(409, { error, generation: control.highest, your_generation: given })
    }
    control.highest = given
    return work()
  }

  const apply = (hydrated: Hydrated, given: number): Said => {
    const other = control.state.topology_id
    if (other !== null && other !== hydrated.topology.id) {
      const members = { applied_topology_id: other, your_topology_id: hydrated.topology.id }
      return says(409, { error: `${other} is applied`, ...members })
    }
    control.state = running(hydrated, given)
    return says(200, { status: "applied" })
  }

  const answer = (path: string, body: unknown): Said => {
    if (path === "/topology/apply") {
      const { generation: given, hydrated, version_hash } = Result.getOrThrow(decodeApply(body))
      const words = `apply ${hydrated.topology.id} ${given}`
      asked.push(words)
      if (version_hash !== hashOf(hydrated)) return says(400, { error: "this is not the hash of the content" })
      return control.instead?.(words) ?? obey(given, () => apply(hydrated, given))
    }
    const { generation: given, topology_id } = Result.getOrThrow(decodeTeardown(body))
    const words = `teardown ${topology_id} ${given}`
    asked.push(words)
    const down = (): Said => {
      if (control.state.topology_id === topology_id) control.state = idle(given)
      return says(200, { status: "torn down" })
    }
    return control.instead?.(words) ?? obey(given, down)
  }

  const respond = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const body = await read(request)
    const allowed = token === undefined || request.headers.authorization === `Bearer ${token}`
    const said = allowed ? answer(request.url ?? "", body) : says(401, { error: "this token is not the agent's" })
    response.writeHead(said.status, { "content-type": "application/json" })
    response.end(JSON.stringify(said.body))
  }
  const listener: http.RequestListener = (request, response) => void respond(request, response)
  const server =
    tls === undefined
      ? http.createServer(listener)
      : https.createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo

  const state = (): TopologyState => ({ ...control.state, generation: control.highest })
  return {
    asked,
    control,
    port,
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    state,
    /** Posts a heartbeat as that host. */
    beat: (receiver: number, hostId = "lab-1", headers: Record<string, string> = {}): Promise<Answer> => {
      const body = JSON.stringify({ host_id: HostId.make(hostId), agent_version: "0.1.0", topology: state() })
      return send(receiver, {
        method: "POST",
        path: "/v1/heartbeat",
        body,
        headers: { ...headers, "content-length": Buffer.byteLength(body) }
      })
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}
export type FakeAgent = Awaited<ReturnType<typeof startFakeAgent>>
