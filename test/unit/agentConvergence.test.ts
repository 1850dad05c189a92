/** Whatever happens to an engine and to orders: the state tells the truth, others' objects stay, and a sound apply mends it all. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { apply } from "../../src/agent/apply.ts"
import { planFor } from "../../src/agent/plan.ts"
import { teardown } from "../../src/agent/teardown.ts"
import { faultsIn } from "../../src/domain/topology/faults.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { bridgesOf, containersOf } from "../../src/domain/topology/objects.ts"
import { applyOrder, HOST, layerGround, makeMemory, teardownOrder } from "../support/agent.ts"
import { type Fate, makeSimulatedEngine } from "../support/simulatedEngine.ts"
import { digest, hashOf } from "../support/topology.ts"

const IMAGE = "lab/busybox:1"
const lanNames = ["a", "b", "c"] as const

const lan = fc.record({
  name: fc.constantFrom(...lanNames),
  subnet: fc.constantFrom("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/29", "10.1.0.0/25"),
  is_dmz: fc.boolean()
})
const attachment = fc.record({
  lan: fc.constantFrom(...lanNames),
  ip: fc.option(fc.constantFrom("10.1.0.2", "10.1.0.3", "10.2.0.2", "10.3.0.3"))
})
const decky = fc.record({
  name: fc.constantFrom("web", "db", "mail", "a"),
  image: fc.constant(IMAGE),
  command: fc.option(fc.constantFrom("true", "false"), { nil: undefined }),
  networks: fc.array(attachment, { maxLength: 3 })
})
/** Mostly sound: what is not is left out. */
const hydrated = fc
  .record({
    id: fc.constantFrom("t1", "t1", "t1", "t2"),
    lans: fc.uniqueArray(lan, { maxLength: 3, selector: ({ name }) => name }),
    deckies: fc.uniqueArray(decky, { maxLength: 4, selector: ({ name }) => name })
  })
  .map(
    ({ deckies, id, lans }): Hydrated => ({
      topology: { id, name: "" },
      lans,
      deckies: deckies.map(({ command, ...rest }) => ({
        ...rest,
        ...(command !== undefined && { command }),
        networks: rest.networks.filter((one, at) => rest.networks.findIndex((other) => other.lan === one.lan) === at)
      }))
    })
  )
  .filter((topology) => faultsIn(topology).length === 0)

const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("apply" as const), hydrated }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("teardown" as const), id: fc.constantFrom("t1", "t2") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("vanish" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reboot" as const) }) }
)

const fates = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant("done" as Fate) },
    { weight: 1, arbitrary: fc.constantFrom<Fate>("refused", "lost", "away") }
  ),
  { maxLength: 60, size: "max" }
)

const story = fc.record({ happenings: fc.array(fc.tuple(happening, fates), { maxLength: 8 }), last: hydrated })

const makeHost = () => {
  const engine = makeSimulatedEngine()
  const memory = makeMemory()
  const theirs = [
    engine.addNetwork({ name: "bridge", labels: {}, subnets: ["172.17.0.0/16"] }),
    engine.addContainer({ name: "theirs", labels: {}, image: "x", state: "running", attachments: [] })
  ]
  return { engine, memory: memory.now, ground: layerGround(engine, memory), theirs }
}
type Host = ReturnType<typeof makeHost>

const nth = <A>(items: ReadonlyArray<A>, n: number): A | undefined => items[n % Math.max(items.length, 1)]

/** What nobody ordered. */
const strike = ({ engine, theirs }: Host, what: "stop" | "vanish" | "reboot", which = 0): void => {
  const ours = [...engine.containers.values()].filter(({ id }) => !theirs.includes(id))
  const stop = (all: typeof ours) => all.forEach((one) => engine.containers.set(one.id, { ...one, state: "exited" }))
  if (what === "reboot") return stop(ours)
  const one = nth(ours, which)
  if (one !== undefined && what === "stop") stop([one])
  if (one !== undefined && what === "vanish") engine.containers.delete(one.id)
}

const names = (host: Host, kind: "networks" | "containers"): ReadonlyArray<string> =>
  [...host.engine[kind].values()]
    .filter(({ id }) => !host.theirs.includes(id))
    .map(({ name }) => name)
    .toSorted()

const found = ({ engine }: Host) => ({
  networks: [...engine.networks.values()],
  containers: [...engine.containers.values()]
})

/** A row with a hash is a topology that is there, each part as it was defined. */
const expectTruth = (host: Host, asked: Hydrated): void => {
  expect(host.memory.row).toMatchObject({ applied_version_hash: hashOf(asked), last_error: null })
  expect(names(host, "networks")).toEqual([...bridgesOf(asked)].toSorted())
  expect(names(host, "containers")).toEqual([...containersOf(asked)].toSorted())
  const plan = planFor(asked, found(host), HOST, digest)
  expect({ ...plan, keptNetworks: undefined }).toEqual({
    removeContainers: [],
    removeNetworks: [],
    createNetworks: [],
    createContainers: [],
    start: [],
    keptNetworks: undefined
  })
}

const order = <A, E>(host: Host, effect: Effect.Effect<A, E, Effect.Services<ReturnType<typeof apply>>>) =>
  Effect.runPromise(Effect.result(Effect.provide(effect, host.ground)))

it("tells the truth, touches nothing of others, and mends whatever happened", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ happenings, last }) => {
      const host = makeHost()
      const foreign = JSON.stringify(
        host.theirs.map((id) => host.engine.networks.get(id) ?? host.engine.containers.get(id))
      )
      let generation = 0
      for (const [what, fates] of happenings) {
        generation++
        host.engine.calls.length = 0
        host.engine.control.fate = (n) => fates[n - 1] ?? "done"
        if (what.do === "apply") {
          const { topology_id } = host.memory.row
          const result = await order(host, Effect.flatMap(applyOrder(what.hydrated, generation), apply))
          const other = topology_id !== null && topology_id !== what.hydrated.topology.id
          if (Result.isSuccess(result)) expectTruth(host, what.hydrated)
          else if (!other && result.failure.problem === "apply-failed") {
            expect(host.memory.row).toMatchObject({ applied_version_hash: "", last_error: result.failure.error })
          }
        } else if (what.do === "teardown") {
          const result = await order(host, Effect.flatMap(teardownOrder(what.id, generation), teardown))
          if (Result.isSuccess(result)) {
            const left = [...names(host, "networks"), ...names(host, "containers")]
            expect(left.filter((name) => name.startsWith(`decnet-topology-${what.id}-`))).toEqual([])
            expect(host.memory.row.topology_id).not.toBe(what.id)
          }
        } else strike(host, what.do, "which" in what ? what.which : 0)
        expect(host.memory.row.generation).toBeLessThanOrEqual(generation)
      }

      host.engine.control.fate = () => "done"
      for (const id of ["t1", "t2"].filter((each) => each !== last.topology.id)) {
        await order(host, Effect.flatMap(teardownOrder(id, generation + 1), teardown))
      }
      const mended = await order(host, Effect.flatMap(applyOrder(last, generation + 2), apply))
      expect(Result.isSuccess(mended)).toBe(true)
      expectTruth(host, last)
      expect(
        JSON.stringify(host.theirs.map((id) => host.engine.networks.get(id) ?? host.engine.containers.get(id)))
      ).toBe(foreign)
    }),
    { numRuns: 100 }
  )
}, 60_000)
