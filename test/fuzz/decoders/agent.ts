/** What an agent reads: what a master sends, what the kernel and the engine say. */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { expect } from "vitest"
import { containersIn, networksIn } from "../../../layers/engine/lists.ts"
import * as Auth from "../../../src/agent/auth.ts"
import { unfit } from "../../../src/agent/fit.ts"
import { parseRoutes } from "../../../src/agent/hostRoutes.ts"
import { heardIn } from "../../../src/agent/Master.ts"
import { ApplyOrder, TeardownOrder } from "../../../src/agent/order.ts"
import { parseForeignJson } from "../../../src/domain/json.ts"
import { HOST, routesFile } from "../../support/agent.ts"
import { layerSync } from "../../support/codecSync.ts"
import { hashOf, TWO_LANS } from "../../support/topology.ts"
import { bytesNear, jsonNear, textNear } from "../mutate.ts"
import { outcome, outcomeNow } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"

const order = fc.oneof(
  fc.nat().map((generation) => ({ hydrated: TWO_LANS, version_hash: hashOf(TWO_LANS), generation })),
  fc.nat().map((generation) => ({ topology_id: "t1", generation }))
)
const bytes = order.map((body) => new TextEncoder().encode(JSON.stringify(body)))
const request = (body: Uint8Array<ArrayBuffer>) =>
  HttpServerRequest.fromWeb(new Request("http://agent/", { method: "POST", body }))

const orders = row({
  reads: "orders, as bytes from the wire",
  in: ["agent/body.ts", "agent/order.ts"],
  sound: bytes,
  near: bytesNear(bytes),
  read: async (body) => {
    const whole = new Uint8Array(body)
    return {
      apply: await outcome(Effect.provide(ApplyOrder.receive(request(whole)), layerSync)),
      teardown: await outcome(TeardownOrder.receive(request(whole)))
    }
  },
  typed: ({ apply, teardown }) => {
    const problems = [
      ...(Result.isFailure(apply) ? [apply.failure.problem] : []),
      ...(Result.isFailure(teardown) ? [teardown.failure.problem] : [])
    ]
    for (const problem of problems) expect(["bad-request", "hash-mismatch"]).toContain(problem)
    if (Result.isSuccess(apply)) expect(apply.success.versionHash).toBe(hashOf(apply.success.hydrated))
  },
  understood: ({ apply, teardown }) => expect(Result.isSuccess(apply) || Result.isSuccess(teardown)).toBe(true)
})

const hex = fc.nat(2 ** 32 - 1).map((value) => value.toString(16).toUpperCase().padStart(8, "0"))
const route = fc
  .tuple(fc.constantFrom("eth0", "wg0", "*"), hex, hex, fc.constantFrom("00FFFFFF", "FFFFFFFF", "00000000", "000000FF"))
  .map(([name, to, by, mask]) => `${name}\t${to}\t${by}\t0001\t0\t0\t0\t${mask}\t0\t0\t0`)
const routes = fc.array(route, { maxLength: 4 }).map((lines) => routesFile(...lines))

const hostRoutes = row({
  reads: "the kernel's routes, and the subnets of an engine's networks",
  in: ["agent/hostRoutes.ts", "agent/fit.ts"],
  sound: routes,
  near: textNear(routes),
  read: parseRoutes,
  typed: (found, text) => {
    for (const { subnet } of found) expect(subnet).toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/)
    const network = { id: "0".repeat(64), name: text.slice(0, 20), labels: {}, subnets: text.split(/\s/).slice(0, 20) }
    for (const fault of unfit(TWO_LANS, { networks: [network], containers: [] }, found, HOST)) {
      expect(fault).toContain("overlaps")
    }
  },
  understood: (found) => expect(found.every((each) => each.interface !== "*")).toBe(true)
})

const TOKEN = "agent-token"
const layerAuth = Auth.layer({ token: Effect.succeed(Redacted.make(TOKEN)), certificates: undefined })

const tokens = row({
  reads: "what a master shows of itself",
  in: ["bearer.ts", "agent/auth.ts"],
  sound: fc.constantFrom(`Bearer ${TOKEN}`, `bearer  ${TOKEN} `),
  near: textNear(fc.constant(`Bearer ${TOKEN}`)),
  read: (authorization) =>
    outcomeNow(
      Effect.flatMap(Auth.Auth, (auth) => auth.authenticate({ authorization })).pipe(
        Effect.provide(Layer.provideMerge(layerAuth, layerSync))
      )
    ),
  typed: (answer, text) => {
    if (Result.isSuccess(answer)) expect(text.trim().toLowerCase()).toContain(TOKEN)
    else expect(answer.failure.problem).toBe("unauthenticated")
  },
  understood: (answer) => expect(Result.isSuccess(answer)).toBe(true)
})

const labels = fc.option(fc.dictionary(fc.constantFrom("decnet.topology", "a"), fc.string(), { maxKeys: 2 }), {
  nil: null
})
const network = fc.record({
  Id: fc.constant("n1"),
  Name: fc.string(),
  Labels: labels,
  IPAM: fc.record({ Config: fc.constantFrom(null, [], [{ Subnet: "10.1.0.0/24", Gateway: "10.1.0.1" }]) })
})
const container = fc.record({
  Id: fc.constant("c1"),
  Names: fc.constantFrom([], ["/a"], ["/b/alias", "/a"]),
  Image: fc.string(),
  State: fc.constantFrom("running", "exited"),
  Labels: labels,
  NetworkSettings: fc.constantFrom(
    { Networks: null },
    { Networks: { n: { NetworkID: "n1", IPAddress: "", IPAMConfig: { IPv4Address: "10.1.0.2" } } } }
  )
})
const lists = fc.oneof(fc.array(network, { maxLength: 3 }), fc.array(container, { maxLength: 3 }))

const engines = row({
  reads: "what an engine lists",
  in: [],
  sound: lists.map((list) => JSON.stringify(list)),
  near: jsonNear(lists),
  read: (text) => {
    const body = parseForeignJson(text)
    return { networks: outcomeNow(networksIn(body)), containers: outcomeNow(containersIn(body)) }
  },
  typed: ({ containers, networks }) => {
    if (Result.isFailure(networks)) expect(networks.failure._tag).toBe("EngineTrouble")
    if (Result.isFailure(containers)) expect(containers.failure._tag).toBe("EngineTrouble")
  },
  understood: ({ containers, networks }) =>
    expect(Result.isSuccess(networks) || Result.isSuccess(containers)).toBe(true)
})

const refusal = fc.record({ error: fc.string(), remediation: fc.option(fc.string(), { nil: undefined }) })

const refusedBeats = row({
  reads: "refusals of a heartbeat",
  in: ["agent/Master.ts"],
  sound: refusal.map((body) => JSON.stringify(body)),
  near: jsonNear(refusal),
  read: (text) => heardIn(403, "wrong-host", text),
  typed: (heard) => {
    if (heard._tag !== "Refused") throw new Error(`a refusal is heard as ${heard._tag}`)
    expect(heard.words.length).toBeLessThan(1100)
    expect(heard.words).not.toContain("\n")
  },
  understood: (heard) => expect(heard).not.toHaveProperty("words", expect.stringContaining("not in the master's own"))
})

export const ofAgents: ReadonlyArray<Decoder> = [orders, hostRoutes, tokens, engines, refusedBeats]
