/** What the server answers is what its description says: every documented status is reached here, and checked. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, test } from "vitest"
import { HostId } from "../../src/domain/names.ts"
import { parseNetwork } from "../../src/domain/network.ts"
import { Orders, OrdersUnavailable } from "../../src/services/Orders.ts"
import { COMMIT, EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { violations } from "../support/jsonSchema.ts"
import { collectUploads } from "../support/openapiUploads.ts"
import {
  makeGate,
  OLD_COMMIT,
  type Options,
  STRANGE_COMMIT,
  startReceiver,
  TOKENS,
  tokens
} from "../support/receiver.ts"
import { called, running, TWO_LANS } from "../support/topology.ts"
import { type Answer, connect, jsonOf, type Request, reprDigestOf, send, until } from "../support/wire.ts"

interface Media {
  readonly schema: Record<string, unknown>
}
interface Documented {
  readonly content?: Readonly<Record<string, Media>>
  readonly headers?: Readonly<Record<string, { readonly required: boolean; readonly schema: Record<string, unknown> }>>
}
interface Description {
  readonly openapi: string
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses?: Record<string, Documented> }>>>
  >
}

const one = makeEpisode("one\n")
const other = makeEpisode("other\n")
const auth = { authorization: `Bearer ${TOKENS.shared}` }
const commit = { ...auth, "x-cis490-code-commit": COMMIT }
const put = putOf(one.tarball, commit)
const head: Request = { method: "HEAD", path: PATH, headers: auth }
const get = (path: string): Request => ({ method: "GET", path })
const ping = (body: unknown, headers: Record<string, string> = auth): Request => {
  const text = JSON.stringify(body)
  return { method: "POST", path: "/v1/ping", body: text, headers: { ...headers, "content-length": text.length } }
}
const withHeaders = (request: Request, headers: Record<string, string>): Request => ({
  ...request,
  headers: { ...request.headers, ...headers }
})
const foreign = { authorization: `Bearer ${TOKENS.otherHost}` }
const nobody = { authorization: "Bearer nobody" }

const EPISODES = "/v1/episodes/{host_id}/{episode_id}"
const TOPOLOGY = "/v1/hosts/{host_id}/topology"
const templateOf = (path: string): string => {
  if (path.startsWith("/v1/episodes/")) return EPISODES
  if (path.startsWith("/v1/uploads/")) return "/v1/uploads/{token}"
  return path.startsWith("/v1/hosts/") ? TOPOLOGY : path
}

const withReceiver = async (
  options: Options,
  use: (world: {
    readonly ask: (request: Request) => Promise<void>
    readonly begin: (request: Request) => Promise<void>
    readonly receiver: Awaited<ReturnType<typeof startReceiver>>
    readonly gate: ReturnType<typeof makeGate>
  }) => Promise<void>,
  seen: Array<{ readonly request: Request; readonly answer: Answer }>
) => {
  const gate = makeGate()
  await using receiver = await startReceiver({ tokens, gate: gate.layer, ...options })
  const ask = async (request: Request) => {
    seen.push({ request, answer: await send(receiver.port, request) })
  }
  /** Sends the headers and no body. */
  const begin = async (request: Request) => {
    const connection = connect(receiver.port)
    await connection.head(request)
    await until(() => /\r\n\r\n.*}$/s.test(connection.text()))
    const [fields = "", text = ""] = connection.text().split("\r\n\r\n")
    const [first = "", ...lines] = fields.split("\r\n")
    const headers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(": ")))
    seen.push({ request, answer: { status: Number(first.split(" ")[1]), headers, text } })
    connection.socket.destroy()
  }
  await use({ ask, begin, receiver, gate })
}

const asks = (method: string, path: string, headers: Record<string, string>, body?: unknown): Request => {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const length = text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) }
  return { method, path, headers: { ...headers, ...length }, ...(text === undefined ? {} : { body: text }) }
}
const operator = { authorization: `Bearer ${TOKENS.admin}` }
const beat = (body: unknown, headers: Record<string, string> = auth): Request =>
  asks("POST", "/v1/heartbeat", headers, body)
const setTopology = (body: unknown, hostId = "lab-1"): Request =>
  asks("PUT", `/v1/hosts/${hostId}/topology`, operator, body)
const showTopology = (hostId = "lab-1"): Request => asks("GET", `/v1/hosts/${hostId}/topology`, operator)
const listHosts = asks("GET", "/v1/hosts", operator)

const agents = [
  { hostId: HostId.make("lab-1"), url: "http://127.0.0.1:1", tokenFile: undefined, tls: { verify_tls: true } }
]
const asOrdersGo = (put: Effect.Effect<void, OrdersUnavailable>) =>
  Layer.succeed(Orders, { all: () => Effect.succeed([]), put: () => put })

const collectMaster = async (seen: Array<{ readonly request: Request; readonly answer: Answer }>) => {
  await withReceiver(
    { agents, limits: { bodyIdleMillis: 300 } },
    async ({ ask, begin }) => {
      await ask(listHosts)
      await ask(showTopology())
      await ask(setTopology(TWO_LANS))
      await ask(showTopology())
      await ask(beat({ host_id: "lab-1", agent_version: "0", topology: running(called("t0"), 9) }))
      await ask(listHosts)
      await ask(setTopology(null))
      await ask(beat({ host_id: "lab-2", topology: null }))
      await ask(beat({ host_id: "lab-1", topology: null }, foreign))
      await ask(beat({}))
      await ask(beat("x".repeat(1_100_000)))
      await ask({ ...beat({}), headers: auth })
      await ask(beat({}, nobody))
      await ask(setTopology({ topology: {} }))
      await ask(setTopology("x".repeat(1_100_000)))
      await ask({ ...setTopology(null), headers: operator })
      await ask({ ...setTopology(null), body: "nil{" })
      for (const request of [setTopology(null), showTopology(), listHosts]) {
        await ask(withHeaders(request, auth))
        await ask(withHeaders(request, nobody))
      }
      for (const hostId of ["lab-2", ".."]) {
        await ask(showTopology(hostId))
        await ask(setTopology(null, hostId))
      }
      await begin({ ...beat({}), headers: { ...auth, "content-length": "5000" } })
      await begin({ ...setTopology({}), headers: { ...operator, "content-length": "5000" } })
    },
    seen
  )
  await withReceiver(
    { agents, tokens: { ...tokens, admin: undefined } },
    async ({ ask }) => {
      for (const request of [setTopology(null), showTopology(), listHosts]) await ask(request)
    },
    seen
  )
  const full = Effect.fail(new OrdersUnavailable({ message: "fleet.db: disk is full" }))
  for (const put of [full, Effect.die(new Error("a mistake"))]) {
    await withReceiver({ agents, orders: asOrdersGo(put) }, async ({ ask }) => ask(setTopology(null)), seen)
  }
}

const collect = async () => {
  const seen: Array<{ readonly request: Request; readonly answer: Answer }> = []
  await withReceiver(
    {},
    async ({ ask, gate, receiver }) => {
      const { control, lost } = receiver.dataset
      await ask(get("/v1/openapi.json"))
      await ask(get("/v1/health"))
      await ask(head)
      await ask(put)
      await ask(put)
      await ask(head)
      await ask(putOf(other.tarball, commit))
      lost.add(`lab-1/${EPISODE}`)
      await ask(putOf(other.tarball, commit))
      const elsewhere = { ...put, path: "/v1/episodes/lab-1/new" }
      await ask({ ...put, path: "/v1/episodes/lab-1/.." })
      await ask({ ...head, path: "/v1/episodes/lab-1/.." })
      await ask(putOf(one.tarball, auth))
      await ask(withHeaders(elsewhere, { "x-cis490-code-commit": "x" }))
      await ask(withHeaders(elsewhere, { "repr-digest": "x" }))
      await ask(withHeaders(elsewhere, { "x-cis490-code-commit": OLD_COMMIT }))
      await ask(withHeaders(elsewhere, { "x-cis490-code-commit": STRANGE_COMMIT }))
      await ask(withHeaders(elsewhere, { "repr-digest": reprDigestOf(other.tarball) }))
      await ask(elsewhere)
      await ask({ ...putOf(one.tarball, { ...commit, "content-length": undefined }), path: elsewhere.path })
      for (const request of [put, head, ping({ host_id: "lab-1" })]) {
        await ask(withHeaders(request, nobody))
        await ask(withHeaders(request, foreign))
      }
      await ask(ping({ host_id: "lab-1" }))
      await ask(ping({ host_id: "lab-1", commit: COMMIT }))
      await ask(ping({}))
      await ask(ping({ host_id: "x".repeat(70_000) }))
      await ask({ ...ping({ host_id: "lab-1" }), headers: auth })
      gate.control.shutDown = true
      await ask(ping({ host_id: "lab-1" }))
      gate.control.defect = new Error("a mistake")
      await ask(ping({ host_id: "lab-1" }))
      control.trouble = "the index cannot be written"
      await ask(elsewhere)
      await ask(get("/v1/health"))
      control.unreadable = true
      await ask(head)
      control.defect = new Error("a mistake")
      await ask(put)
      await ask(head)
      await ask(get("/v1/health"))
    },
    seen
  )
  await withReceiver({ limits: { maxEpisodeBytes: 10, maxConcurrentUploads: 1 } }, async ({ ask }) => ask(put), seen)
  // A proxy that vouches for somebody who is no host.
  const proxy = { header: "x-client", trusted: [parseNetwork("127.0.0.1")].filter((peer) => peer !== undefined) }
  await withReceiver(
    { connections: { certificates: false, proxy } },
    async ({ ask }) => {
      for (const request of [put, head, ping({ host_id: "lab-1" }), beat({})])
        await ask(withHeaders(request, { "x-client": "*" }))
    },
    seen
  )
  await withReceiver({ freeBytes: () => 0, limits: { minFreeBytes: 1 } }, async ({ ask }) => ask(put), seen)
  await withReceiver(
    { limits: { bodyIdleMillis: 20 } },
    async ({ begin }) => {
      await begin(put)
      await begin(ping({ host_id: "lab-1" }))
    },
    seen
  )
  await withReceiver(
    { limits: { maxConcurrentUploads: 1 } },
    async ({ ask, receiver }) => {
      const hold = Deferred.makeUnsafe<void>()
      receiver.dataset.control.hold = hold
      const first = ask(put)
      await until(() => receiver.leftBehind().length === 1)
      await ask({ ...put, path: `/v1/episodes/lab-2/${EPISODE}` })
      await Effect.runPromise(Deferred.succeed(hold, undefined))
      await first
    },
    seen
  )
  await collectMaster(seen)
  await collectUploads((options, use) => withReceiver(options, use, seen))
  return seen
}

const faults = (documented: Documented, request: Request, { headers, text }: Answer): ReadonlyArray<string> => {
  const fields = Object.entries(documented.headers ?? {}).flatMap(([name, { schema }]) =>
    headers[name] === undefined ? [`${name} is missing`] : violations(headers[name], schema, name)
  )
  if (request.method === "HEAD" || documented.content === undefined) {
    return text === "" ? fields : [...fields, "there is a body"]
  }
  const type = headers["content-type"] ?? "none"
  const media = documented.content[type]
  return media === undefined
    ? [...fields, `${type} is not documented`]
    : [...fields, ...violations(JSON.parse(text), media.schema)]
}

test("every answer is as documented, and everything documented is answered", async () => {
  const seen = await collect()
  const served = seen.find(({ request }) => request.path === "/v1/openapi.json")
  if (served === undefined) throw new Error("no description was served")
  const description = jsonOf(served.answer) as unknown as Description
  expect(description.openapi).toBe("3.1.0")

  const reached = new Set<string>()
  const wrong = seen.flatMap(({ answer, request }) => {
    const operation = `${request.method} ${templateOf(request.path)} ${answer.status}`
    const problem = answer.headers["x-cis490-problem"]
    reached.add(operation).add(`${operation} ${String(problem)}`)
    const documented =
      description.paths[templateOf(request.path)]?.[request.method.toLowerCase()]?.responses?.[answer.status]
    const found = documented === undefined ? ["is not documented"] : faults(documented, request, answer)
    return found.map((fault) => `${operation}: ${fault}`)
  })
  expect(wrong).toEqual([])

  const promised = Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses = {} }]) =>
      Object.entries(responses).flatMap(([status, documented]) => {
        const operation = `${method.toUpperCase()} ${path} ${status}`
        const names = documented.headers?.["x-cis490-problem"]?.schema.enum
        return Array.isArray(names) ? names.map((name) => `${operation} ${name}`) : [operation]
      })
    )
  )
  expect(promised.length).toBeGreaterThan(30)
  expect(promised.filter((operation) => !reached.has(operation))).toEqual([])
})
