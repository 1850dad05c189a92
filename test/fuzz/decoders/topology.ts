/** What operators, agents and masters write of topologies. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect } from "vitest"
import { parseForeignJson } from "../../../src/domain/json.ts"
import { HostId } from "../../../src/domain/names.ts"
import { addressesOn } from "../../../src/domain/topology/addresses.ts"
import { judgeAnswer } from "../../../src/domain/topology/answer.ts"
import { drift } from "../../../src/domain/topology/drift.ts"
import { decodeHydrated, type Hydrated } from "../../../src/domain/topology/hydrated.ts"
import { plan } from "../../../src/domain/topology/plan.ts"
import { formatAddress, parseSubnet } from "../../../src/domain/topology/subnet.ts"
import { decodeApply, decodeTeardown, Heartbeat, type TopologyState } from "../../../src/domain/topology/wire.ts"
import { Report, readReports } from "../../../src/receiver/master/reports.ts"
import { hashOf, TWO_LANS } from "../../support/topology.ts"
import { memoryFiles } from "../memoryFiles.ts"
import { jsonNear, textNear } from "../mutate.ts"
import { outcomeNow } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { count, hostId, sha256, time } from "./samples.ts"

const lanNames = ["a", "b", "c"] as const
const decky = fc.record({
  image: fc.constantFrom("busybox", `registry.example:5000/web@sha256:${"0".repeat(64)}`, "nginx:1.27"),
  command: fc.option(fc.oneof(fc.constant("sleep 1"), fc.constant(["sleep", "1"])), { nil: null }),
  env: fc.option(fc.dictionary(fc.constantFrom("A", "B", "status"), fc.string({ unit: "grapheme" })), { nil: null }),
  lans: fc.subarray([...lanNames])
})

/** Three LANs, and deckies here and there. */
export const topology: fc.Arbitrary<Hydrated> = fc.tuple(fc.nat(200), fc.array(decky, { maxLength: 5 })).map(
  ([net, deckies]): Hydrated => ({
    topology: { id: "t1", name: "lab" },
    lans: lanNames.map((name, at) => ({ name, subnet: `10.${net}.${at}.0/24`, is_dmz: at === 0 })),
    deckies: deckies.map(({ lans, ...rest }, at): Hydrated["deckies"][number] => ({
      ...rest,
      command: Array.isArray(rest.command) ? ["sleep", "1"] : rest.command,
      name: `d${at}`,
      networks: lans.map((lan) => ({
        lan,
        ...(at % 2 === 0 ? {} : { ip: `10.${net}.${lanNames.indexOf(lan)}.${at + 9}` })
      }))
    }))
  })
)

const wellFounded = (hydrated: Hydrated): void => {
  hashOf(hydrated)
  for (const { name, subnet } of hydrated.lans) {
    const network = parseSubnet(subnet)
    const addresses = [...addressesOn(hydrated, name).values()]
    expect(new Set(addresses).size).toBe(addresses.length)
    expect(network).toBeDefined()
    if (network === undefined) return
    for (const address of [network.first, network.first + 1, network.last].map(formatAddress)) {
      expect(addresses).not.toContain(address)
    }
  }
}

const complains = (result: Result.Result<unknown, ReadonlyArray<string>>): void => {
  if (Result.isSuccess(result)) return
  expect(result.failure.length).toBeGreaterThan(0)
  for (const fault of result.failure) expect(fault).not.toBe("")
}

const topologies = row({
  reads: "topologies of an operator",
  in: ["domain/topology/hydrated.ts", "cli/receiver/topology.ts"],
  sound: topology.map((it) => JSON.stringify(it)),
  near: jsonNear(topology),
  read: (text) => decodeHydrated(parseForeignJson(text)),
  typed: (answer) => {
    complains(answer)
    if (Result.isSuccess(answer)) wellFounded(answer.success)
  },
  understood: (answer, text) => expect(Result.getOrThrow(answer)).toEqual(JSON.parse(text))
})

const subnets = row({
  reads: "subnets",
  in: ["domain/topology/subnet.ts"],
  sound: fc
    .tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 8, max: 30 }))
    .map(([address, prefix]) => `${formatAddress(address - (address % 2 ** (32 - prefix)))}/${prefix}`),
  near: textNear(fc.constantFrom("10.1.0.0/16", "192.168.255.252/30", "010.0.0.0/8")),
  read: parseSubnet,
  typed: (subnet, text) => {
    if (subnet === undefined) return
    expect(text.startsWith(`${formatAddress(subnet.first)}/`)).toBe(true)
    expect([subnet.first >= 0, subnet.last > subnet.first, subnet.last < 2 ** 32]).toEqual([true, true, true])
  },
  understood: (subnet) => expect(subnet).toBeDefined()
})

const apply = fc
  .tuple(topology, fc.nat())
  .map(([hydrated, generation]) => ({ hydrated, version_hash: hashOf(hydrated), generation }))
const teardown = fc.record({ topology_id: fc.constantFrom("t1", "t2"), generation: fc.nat() })

const orders = row({
  reads: "what a master tells an agent",
  in: ["domain/topology/wire.ts"],
  sound: fc.oneof(apply, teardown).map((body) => JSON.stringify(body)),
  near: jsonNear(fc.oneof<fc.Arbitrary<object>[]>(apply, teardown)),
  read: (text) => ({ apply: decodeApply(parseForeignJson(text)), teardown: decodeTeardown(parseForeignJson(text)) }),
  typed: ({ apply, teardown }) => {
    complains(apply)
    complains(teardown)
    if (Result.isSuccess(apply)) wellFounded(apply.success.hydrated)
  },
  understood: ({ apply, teardown }) => expect(Result.isSuccess(apply) || Result.isSuccess(teardown)).toBe(true)
})

const name = fc.oneof(fc.constantFrom("decnet-topology-t1-a", "decnet-topology-t1-d0"), fc.string())
const perhaps = <A>(value: fc.Arbitrary<A>) => fc.option(value, { nil: null })
const state: fc.Arbitrary<TopologyState> = fc.record({
  topology_id: perhaps(fc.constantFrom("t1", "t2", "")),
  applied_version_hash: perhaps(fc.oneof(sha256, fc.constant(""))),
  applied_at: perhaps(fc.nat()),
  last_error: perhaps(fc.string()),
  generation: perhaps(count.map((it) => it % 2 ** 52)),
  observed: fc.oneof(
    fc.record({
      bridges: fc.array(fc.oneof(name, fc.record({ name, topology_id: perhaps(fc.constant("t1")) })), { maxLength: 3 }),
      containers: fc.array(
        fc.oneof(
          name,
          fc.record({ name, state: perhaps(fc.constantFrom("running", "exited")), networks: perhaps(fc.array(name)) })
        ),
        { maxLength: 3 }
      )
    }),
    fc.record({ error: fc.string() }),
    fc.constant(null)
  )
})
const heartbeat: fc.Arbitrary<Heartbeat> = fc.record({
  host_id: hostId,
  agent_version: perhaps(fc.string()),
  topology: perhaps(state)
})

const wanted = { _tag: "Topology", hydrated: TWO_LANS, versionHash: hashOf(TWO_LANS) } as const

const heartbeats = row({
  reads: "heartbeats of an agent",
  in: ["domain/topology/wire.ts", "receiver/master/routes.ts"],
  sound: heartbeat.map((it) => JSON.stringify(it)),
  near: jsonNear(heartbeat),
  read: (text) => Schema.decodeUnknownResult(Heartbeat)(parseForeignJson(text)),
  typed: (answer) => {
    if (Result.isFailure(answer)) return
    const { topology } = answer.success
    for (const each of [wanted, { _tag: "Nothing" } as const]) {
      for (const words of drift(each, topology)) expect(words.length).toBeLessThan(2000)
      if (drift(each, topology).length === 0) expect(plan(each, topology)).toEqual([])
    }
  },
  understood: (answer) => expect(Result.isSuccess(answer)).toBe(true)
})

const report = fc.record(
  {
    host_id: fc.constant(HostId.make("lab-1")),
    heard_at: time,
    said: heartbeat,
    drift_since: time,
    told: fc.record({ at: time, generation: fc.nat(), outcome: fc.constant("Done"), words: fc.string() })
  },
  { requiredKeys: ["host_id"] }
)

const reports = row({
  reads: "what an agent reported last, from our own disk",
  in: ["receiver/hostFiles.ts"],
  sound: report.map((it) => JSON.stringify(it)),
  near: jsonNear(report),
  read: (text) =>
    Result.getOrThrow(outcomeNow(Effect.provide(readReports("/r"), memoryFiles({ "/r/lab-1.json": text }).layer))),
  typed: (found) => {
    expect(found.length).toBeLessThanOrEqual(1)
    expect(found.every(Schema.is(Report))).toBe(true)
  },
  understood: (found) => expect(found).toHaveLength(1)
})

const refusal = fc.record(
  { error: fc.string({ minLength: 1 }), your_generation: fc.nat(), applied_topology_id: fc.string() },
  { requiredKeys: ["error"] }
)

const answers = row({
  reads: "an agent's answers, or whoever's they are",
  in: ["domain/topology/answer.ts", "receiver/master/Agents.ts"],
  sound: refusal.map((it) => JSON.stringify(it)),
  near: jsonNear(refusal),
  read: (text) =>
    [100, 200, 204, 301, 400, 401, 403, 404, 409, 418, 500, 502].map((status) =>
      judgeAnswer(status, parseForeignJson(text))
    ),
  typed: (outcomes) => {
    for (const outcome of outcomes) if (outcome._tag !== "Done") expect(outcome.error.length).toBeLessThan(2100)
  },
  understood: (outcomes) =>
    expect(outcomes.map(({ _tag }) => _tag)).toEqual([
      "Unreached",
      "Done",
      "Done",
      "Unreached",
      "Refused",
      "Unreached",
      "Unreached",
      "Unreached",
      expect.stringMatching(/^(Occupied|Superseded)$/),
      "Unreached",
      "Failed",
      "Unreached"
    ])
})

export const ofTopologies: ReadonlyArray<Decoder> = [topologies, subnets, orders, heartbeats, reports, answers]
