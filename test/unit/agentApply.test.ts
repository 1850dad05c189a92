import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { apply } from "../../src/agent/apply.ts"
import { teardown } from "../../src/agent/teardown.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { objectName } from "../../src/domain/topology/objects.ts"
import { applyOrder, layerGround, makeMemory, orderOf, teardownOrder } from "../support/agent.ts"
import { makeSimulatedEngine } from "../support/simulatedEngine.ts"
import { hashOf } from "../support/topology.ts"

const IMAGE = "lab/busybox:1"

/** Two LANs, a decky in both and one in each. */
const TWO_LANS: Hydrated = {
  topology: { id: "t1", name: "two LANs" },
  lans: [
    { name: "dmz", subnet: "10.90.1.0/24", is_dmz: true },
    { name: "inner", subnet: "10.90.2.0/24", is_dmz: false }
  ],
  deckies: [
    { name: "web", image: IMAGE, networks: [{ lan: "dmz", ip: "10.90.1.10" }, { lan: "inner" }] },
    { name: "db", image: IMAGE, networks: [{ lan: "inner", ip: "10.90.2.2" }] },
    { name: "mail", image: IMAGE, networks: [{ lan: "dmz" }] }
  ]
}
const name = (part: string): string => objectName("t1", part)

const makeAgent = (routes?: string) => {
  const engine = makeSimulatedEngine()
  const memory = makeMemory()
  const ground = layerGround(engine, memory, routes)
  return {
    engine,
    memory: memory.now,
    apply: (hydrated: Hydrated, generation = 1) =>
      Effect.flatMap(applyOrder(hydrated, generation), apply).pipe(Effect.provide(ground)),
    teardown: (id: string, generation = 1) =>
      Effect.flatMap(teardownOrder(id, generation), teardown).pipe(Effect.provide(ground)),
    decode: (body: unknown) => Effect.provide(orderOf(body), ground)
  }
}

const everything = [
  `create network ${name("dmz")}`,
  `create network ${name("inner")}`,
  `create container ${name("web")}`,
  `connect ${name("web")}`,
  `create container ${name("db")}`,
  `create container ${name("mail")}`,
  `start ${name("web")}`,
  `start ${name("db")}`,
  `start ${name("mail")}`
]

describe("an apply", () => {
  it.effect("makes networks before containers, and remembers what it made", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      const remembered = yield* agent.apply(TWO_LANS, 7)
      expect(agent.engine.changes()).toEqual(everything)
      expect(remembered).toEqual({
        topology_id: "t1",
        applied_version_hash: hashOf(TWO_LANS),
        applied_at: 0,
        last_error: null,
        generation: 7
      })
      expect(JSON.parse(agent.memory.blob)).toEqual(TWO_LANS)
      expect(agent.engine.byName(name("web"))?.attachments.map(({ address }) => address)).toEqual([
        "10.90.1.10",
        "10.90.2.3"
      ])
    })
  )

  it.effect("has written that it is under way before the engine hears of it", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      const seen: Array<unknown> = []
      agent.engine.control.before = Effect.sync(() => void seen.push(agent.memory.row))
      yield* agent.apply(TWO_LANS, 3)
      expect(new Set(seen.map((row) => JSON.stringify(row)))).toEqual(
        new Set([
          JSON.stringify({
            topology_id: "t1",
            applied_version_hash: "",
            applied_at: 0,
            last_error: "applying",
            generation: 3
          })
        ])
      )
    })
  )

  it.effect("of what is there already changes nothing, and writes nothing but a higher generation", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      const first = yield* agent.apply(TWO_LANS)
      agent.engine.changes()
      const { writes } = agent.memory
      expect(yield* agent.apply(TWO_LANS)).toEqual(first)
      expect(agent.memory.writes).toBe(writes)
      expect((yield* agent.apply(TWO_LANS, 2)).generation).toBe(2)
      expect(agent.engine.changes()).toEqual([])
    })
  )

  it.effect("makes what was taken away behind its back, and starts what stands still", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.changes()
      const { containers } = agent.engine
      const [web, db] = [agent.engine.byName(name("web")), agent.engine.byName(name("db"))]
      if (web === undefined || db === undefined) throw new Error("not there")
      containers.delete(web.id)
      containers.set(db.id, { ...db, state: "exited" })
      yield* agent.apply(TWO_LANS)
      expect(agent.engine.changes()).toEqual([
        `create container ${name("web")}`,
        `connect ${name("web")}`,
        `start ${name("db")}`,
        `start ${name("web")}`
      ])
      yield* agent.apply(TWO_LANS)
      expect(agent.engine.changes()).toEqual([])
    })
  )

  it.effect("makes anew what neither runs nor can be started", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.changes()
      const paused = agent.engine.byName(name("db"))
      if (paused === undefined) throw new Error("not there")
      agent.engine.containers.set(paused.id, { ...paused, state: "paused" })
      yield* agent.apply(TWO_LANS)
      const anew = ["remove container", "create container", "start"].map((what) => `${what} ${name("db")}`)
      expect(agent.engine.changes()).toEqual(anew)
    })
  )

  it.effect("makes anew what somebody has plugged in elsewhere", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.changes()
      const mail = agent.engine.byName(name("mail"))
      const networkId = agent.engine.addNetwork({ name: "theirs", labels: {}, subnets: [] })
      if (mail === undefined) throw new Error("not there")
      const attachments = [...mail.attachments, { networkId, address: "10.9.9.9" }]
      agent.engine.containers.set(mail.id, { ...mail, attachments })
      yield* agent.apply(TWO_LANS)
      expect(agent.engine.changes()[0]).toBe(`remove container ${name("mail")}`)
    })
  )

  const version = (change: Partial<Hydrated>): Hydrated => ({ ...TWO_LANS, ...change })
  const [web, db, mail] = TWO_LANS.deckies
  const [dmz, inner] = TWO_LANS.lans
  if (!web || !db || !mail || !dmz || !inner) throw new Error("not there")
  const changes: ReadonlyArray<readonly [string, Hydrated, ReadonlyArray<string>]> = [
    ["another name touches nothing", version({ topology: { id: "t1", name: "other" } }), []],
    [
      "another command makes one decky anew",
      version({ deckies: [web, { ...db, command: "true" }, mail] }),
      [`remove container ${name("db")}`, `create container ${name("db")}`, `start ${name("db")}`]
    ],
    ["one decky less takes one away", version({ deckies: [db, mail] }), [`remove container ${name("web")}`]],
    [
      "one decky more moves no other",
      version({
        deckies: [{ name: "new", image: IMAGE, networks: [{ lan: "dmz" }, { lan: "inner" }] }, web, db, mail]
      }),
      [`create container ${name("new")}`, `connect ${name("new")}`, `start ${name("new")}`]
    ],
    [
      "an address that another had by itself moves that one",
      version({ deckies: [web, db, mail, { ...db, name: "new", networks: [{ lan: "dmz", ip: "10.90.1.2" }] }] }),
      [
        `remove container ${name("mail")}`,
        `create container ${name("mail")}`,
        `create container ${name("new")}`,
        `start ${name("mail")}`,
        `start ${name("new")}`
      ]
    ],
    [
      "another subnet makes the LAN and who is on it anew",
      version({
        lans: [dmz, { ...inner, subnet: "10.90.3.0/24" }],
        deckies: [web, { ...db, networks: [{ lan: "inner" }] }, mail]
      }),
      [
        `remove container ${name("web")}`,
        `remove container ${name("db")}`,
        `remove network ${name("inner")}`,
        `create network ${name("inner")}`,
        `create container ${name("web")}`,
        `connect ${name("web")}`,
        `create container ${name("db")}`,
        `start ${name("web")}`,
        `start ${name("db")}`
      ]
    ]
  ]
  it.effect.each(changes)("of a new version: %s", ([, next, expected]) =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.changes()
      const remembered = yield* agent.apply(next, 2)
      expect(agent.engine.changes()).toEqual(expected)
      expect(remembered).toMatchObject({ applied_version_hash: hashOf(next), last_error: null, generation: 2 })
      yield* agent.apply(next, 2)
      expect(agent.engine.changes()).toEqual([])
    })
  )

  it.effect.each(everything.map((_, i) => i))("that fails at its change %s leaves nothing, and says so", (at) =>
    Effect.gen(function* () {
      for (const fate of ["refused", "lost"] as const) {
        const agent = makeAgent()
        let changing = 0
        agent.engine.control.fate = (_, call) => (call.changes && changing++ === at ? fate : "done")
        const problem = yield* Effect.flip(agent.apply(TWO_LANS))
        expect(problem).toMatchObject({ problem: "apply-failed" })
        expect(problem.error).toContain("nothing of it is left")
        expect([agent.engine.networks.size, agent.engine.containers.size]).toEqual([0, 0])
        expect(agent.memory.row).toMatchObject({
          topology_id: "t1",
          applied_version_hash: "",
          last_error: problem.error
        })
        yield* agent.apply(TWO_LANS)
        expect(agent.memory.row).toMatchObject({ applied_version_hash: hashOf(TWO_LANS), last_error: null })
        expect(agent.engine.containers.size).toBe(3)
      }
    })
  )

  it.effect("that cannot be undone says what is left", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      agent.engine.control.fate = (_, { what }) => (/^(start|remove container)/.test(what) ? "refused" : "done")
      const { error } = yield* Effect.flip(agent.apply(TWO_LANS))
      expect(error).toContain(
        `left of it: container ${name("db")}, container ${name("mail")}, container ${name("web")}`
      )
      agent.engine.control.fate = () => "done"
      yield* agent.apply(TWO_LANS)
      expect(agent.memory.row.last_error).toBeNull()
    })
  )

  it.effect("of a new version that fails keeps what it did not touch, and says what is there", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.control.fate = (_, { what }) => (what.startsWith("create container") ? "refused" : "done")
      const next = version({ deckies: [web, { ...db, command: "true" }, mail] })
      const { error } = yield* Effect.flip(agent.apply(next, 2))
      expect(error).toContain(`container ${name("mail")}, container ${name("web")}`)
      expect(error).not.toContain(`container ${name("db")}, `)
      expect(agent.memory.row).toMatchObject({ applied_version_hash: "", generation: 2 })
    })
  )

  it.effect("with an engine that is gone half-way says that it cannot tell", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      let gone = false
      agent.engine.control.fate = (_, { what }) => {
        gone ||= what.startsWith("create container")
        return gone ? "away" : "done"
      }
      const { error } = yield* Effect.flip(agent.apply(TWO_LANS))
      expect(error).toContain("what is left of it cannot be told")
      expect(agent.memory.row.last_error).toBe(error)
      gone = false
      agent.engine.control.fate = () => "done"
      yield* agent.apply(TWO_LANS)
      expect(agent.engine.containers.size).toBe(3)
    })
  )

  it.effect("is not begun when that cannot be written down", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      agent.memory.broken = true
      expect(yield* Effect.flip(agent.apply(TWO_LANS))).toMatchObject({ problem: "memory-unavailable" })
      expect(agent.engine.calls).toEqual([])
    })
  )
})

describe("a topology that cannot be run here", () => {
  const refusals: ReadonlyArray<
    readonly [string, (agent: ReturnType<typeof makeAgent>) => void, words: ReadonlyArray<string>]
  > = [
    ["an image that is not there", ({ engine }) => void engine.images.clear(), ["no image lab/busybox:1"]],
    [
      "a foreign network of the same name",
      ({ engine }) => void engine.addNetwork({ name: name("dmz"), labels: {}, subnets: [] }),
      [`network ${name("dmz")} that is not of this agent`]
    ],
    [
      "a foreign container of the same name, with labels that are nearly ours",
      ({ engine }) => {
        const labels = {
          "decnet.host": "lab-2",
          "decnet.topology": "t1",
          "decnet.name": "web",
          "decnet.definition": "d"
        }
        engine.addContainer({ name: name("web"), labels, image: IMAGE, state: "running", attachments: [] })
      },
      [`container ${name("web")} that is not of this agent`]
    ],
    [
      "the engine's other networks",
      ({ engine }) => void engine.addNetwork({ name: "bridge", labels: {}, subnets: ["10.90.0.0/16"] }),
      ["dmz (10.90.1.0/24) overlaps with the engine's network bridge", "inner (10.90.2.0/24) overlaps"]
    ]
  ]
  it.effect.each(refusals)("because of %s is refused, and everything is as it was", ([, prepare, words]) =>
    Effect.gen(function* () {
      const agent = makeAgent()
      prepare(agent)
      const there = () => JSON.stringify([[...agent.engine.networks], [...agent.engine.containers]])
      const [before, remembered] = [there(), agent.memory.row]
      const problem = yield* Effect.flip(agent.apply(TWO_LANS, 5))
      expect(problem.problem).toBe("invalid-topology")
      for (const part of words) expect(problem.error).toContain(part)
      expect(agent.engine.changes()).toEqual([])
      expect(there()).toBe(before)
      expect(agent.memory.row).toEqual({ ...remembered, generation: 5 })
    })
  )

  it.effect("because of a route of the host is refused", () =>
    Effect.gen(function* () {
      const agent = makeAgent("Iface\nwg0\t00005A0A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n")
      const { error } = yield* Effect.flip(agent.apply(TWO_LANS))
      expect(error).toContain("overlaps with a route of this host, by wg0 (10.90.0.0/16)")
    })
  )

  it.effect.each([
    ["a hash of other content", { hydrated: TWO_LANS, version_hash: "0".repeat(64), generation: 1 }, "hash-mismatch"],
    ["no generation", { hydrated: TWO_LANS, version_hash: hashOf(TWO_LANS) }, "bad-request"],
    [
      "a member nobody knows",
      { hydrated: TWO_LANS, version_hash: hashOf(TWO_LANS), generation: 1, x: 1 },
      "bad-request"
    ],
    [
      "a member of the topology that nobody knows",
      { hydrated: { ...TWO_LANS, status: "up" }, version_hash: hashOf(TWO_LANS), generation: 1 },
      "bad-request"
    ],
    ["no object", 7, "bad-request"]
  ] as const)("because the request has %s is refused", ([, body, problem]) =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(makeAgent().decode(body))).problem).toBe(problem)
    })
  )
})

describe("who is obeyed", () => {
  it.effect("is never a master that shows less than the highest generation, also after a teardown", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS, 5)
      agent.engine.changes()
      const { writes } = agent.memory
      for (const order of [agent.apply(TWO_LANS, 4), agent.teardown("t1", 4)]) {
        expect(yield* Effect.flip(order)).toMatchObject({
          problem: "older-generation",
          members: { generation: 5, your_generation: 4 }
        })
      }
      expect([agent.engine.calls, agent.memory.writes]).toEqual([[], writes])
      yield* agent.teardown("t1", 6)
      expect(yield* Effect.flip(agent.apply(TWO_LANS, 5))).toMatchObject({ problem: "older-generation" })
      expect(agent.memory.row.generation).toBe(6)
    })
  )

  it.effect("is nobody who wants another topology beside the first", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.changes()
      const other = { ...TWO_LANS, topology: { id: "t2", name: "other" } }
      expect(yield* Effect.flip(agent.apply(other, 2))).toMatchObject({
        problem: "other-topology",
        members: { applied_topology_id: "t1", your_topology_id: "t2" }
      })
      expect([agent.engine.calls, agent.memory.row.generation]).toEqual([[], 1])
    })
  )
})

describe("a teardown", () => {
  it.effect("takes everything of the topology away, nothing else, and may come again", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      agent.engine.addNetwork({ name: "theirs", labels: { "decnet.topology": "t1" }, subnets: [] })
      const near = { name: `${name("web")}-2`, labels: {}, image: IMAGE, state: "running", attachments: [] }
      agent.engine.addContainer(near)
      yield* agent.apply(TWO_LANS)
      for (const generation of [2, 2, 3]) {
        const remembered = yield* agent.teardown("t1", generation)
        expect(remembered).toEqual({
          topology_id: null,
          applied_version_hash: null,
          applied_at: null,
          last_error: null,
          generation
        })
      }
      expect([...agent.engine.networks.values()].map((each) => each.name)).toEqual(["theirs"])
      expect([...agent.engine.containers.values()].map((each) => each.name)).toEqual([near.name])
    })
  )

  it.effect("of another topology takes away what is left of that, and leaves ours", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply({ ...TWO_LANS, topology: { id: "old", name: "" } })
      agent.memory.row = { ...agent.memory.row, topology_id: null, applied_version_hash: null }
      const other = { ...TWO_LANS, lans: [{ ...dmzOnly, subnet: "10.91.0.0/24" }], deckies: [] }
      yield* agent.apply(other)
      const before = agent.memory.row
      expect(yield* agent.teardown("old", 2)).toEqual({ ...before, generation: 2 })
      expect([...agent.engine.networks.values()].map((each) => each.name)).toEqual([name("dmz")])
      expect(agent.engine.containers.size).toBe(0)
    })
  )
  const dmzOnly = { name: "dmz", subnet: "10.90.1.0/24", is_dmz: true }

  it.effect("has written that it is under way before the engine hears of it, and what came of it", () =>
    Effect.gen(function* () {
      const agent = makeAgent()
      yield* agent.apply(TWO_LANS)
      agent.engine.control.before = Effect.sync(() =>
        expect(agent.memory.row).toMatchObject({ applied_version_hash: "", last_error: "tearing down", generation: 2 })
      )
      agent.engine.control.fate = (_, { what }) => (what === `remove container ${name("db")}` ? "refused" : "done")
      const { error, problem } = yield* Effect.flip(agent.teardown("t1", 2))
      expect(problem).toBe("teardown-failed")
      expect(error).toContain(`container ${name("db")}`)
      expect(error).not.toContain(`container ${name("web")}`)
      expect(agent.memory.row).toMatchObject({ topology_id: "t1", applied_version_hash: "", last_error: error })
      agent.engine.control.before = Effect.void
      agent.engine.control.fate = () => "done"
      yield* agent.teardown("t1", 2)
      expect([agent.engine.networks.size, agent.engine.containers.size]).toEqual([0, 0])
    })
  )
})
