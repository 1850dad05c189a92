import { describe, expect, it } from "vitest"
import { drift, type Wanted } from "../../../src/domain/topology/drift.ts"
import { plan } from "../../../src/domain/topology/plan.ts"
import type { TopologyState } from "../../../src/domain/topology/wire.ts"
import { called, hashOf, idle, running, TWO_LANS } from "../../support/topology.ts"

const NOTHING: Wanted = { _tag: "Nothing" }
const T1: Wanted = { _tag: "Topology", hydrated: TWO_LANS, versionHash: hashOf(TWO_LANS) }
const other = { ...TWO_LANS, deckies: TWO_LANS.deckies.slice(0, 1) }

const dmz = "decnet-topology-t1-dmz"
const inner = "decnet-topology-t1-inner"
const web = "decnet-topology-t1-web"
const db = "decnet-topology-t1-db"

const seeing = (bridges: ReadonlyArray<string>, containers: ReadonlyArray<string>): TopologyState => ({
  ...running(TWO_LANS),
  observed: { bridges, containers }
})
const failed = (last_error: string): TopologyState => ({ ...running(TWO_LANS), applied_version_hash: "", last_error })

const APPLY = ["Apply t1"]
const told = (wanted: Wanted, reported: TopologyState | null) =>
  plan(wanted, reported).map((command) =>
    command._tag === "Apply" ? `Apply ${command.hydrated.topology.id}` : `Teardown ${command.topologyId}`
  )

describe("a host that should run a topology", () => {
  it.each<[string, TopologyState | null, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["and does", running(TWO_LANS), [], []],
    ["and does, as far as names tell", seeing([dmz, inner], [web, db]), [], []],
    ["and does, saying nothing of its engine", { topology_id: "t1", applied_version_hash: hashOf(TWO_LANS) }, [], []],
    ["and runs nothing", idle(), ["runs nothing, and should run t1"], APPLY],
    ["and says nothing of any", null, ["runs nothing, and should run t1"], APPLY],
    [
      "and could not apply it",
      { ...idle(), applied_version_hash: "", last_error: "no such image: nginx" },
      ["runs nothing, and should run t1: no such image: nginx"],
      APPLY
    ],
    [
      "and runs another version",
      { ...running(TWO_LANS), applied_version_hash: hashOf(other) },
      [`runs version ${hashOf(other).slice(0, 12)} of t1, and should run ${hashOf(TWO_LANS).slice(0, 12)}`],
      APPLY
    ],
    ["and failed half-way", failed("no space left"), ["t1 is not applied: no space left"], APPLY],
    ["and has no hash", { ...running(TWO_LANS), applied_version_hash: "" }, ["t1 is not applied"], APPLY],
    ["and is at it", failed("applying"), ["t1 is not applied: applying"], APPLY],
    ["with an error under the right hash", { ...running(TWO_LANS), last_error: "x" }, ["t1 is not applied: x"], APPLY],
    ["without a LAN", seeing([dmz], [web, db]), [`LAN ${inner} is missing`], APPLY],
    ["without a decky", seeing([dmz, inner], [web]), [`decky ${db} is missing`], APPLY],
    [
      "with one too many",
      seeing([dmz, inner], [web, db, `${db}2`]),
      [`decky ${db}2 is there, and should not be`],
      APPLY
    ],
    [
      "with a decky that ended",
      {
        ...running(TWO_LANS),
        observed: { bridges: [dmz, inner], containers: [{ name: web, state: "exited" }, db] }
      },
      ["decky web is exited"],
      APPLY
    ],
    [
      "with a decky that was unplugged",
      {
        ...running(TWO_LANS),
        observed: { bridges: [dmz, inner], containers: [{ name: web, state: "running", networks: [dmz] }, db] }
      },
      ["decky web is not on LAN inner"],
      APPLY
    ],
    [
      "and cannot see its engine",
      { ...running(TWO_LANS), observed: { error: "connect ENOENT" } },
      ["its engine cannot be looked at: connect ENOENT"],
      APPLY
    ],
    ["and runs another topology", running(called("t0")), ["runs t0, and should run t1"], ["Teardown t0", "Apply t1"]],
    [
      "and runs another topology, with something of a third",
      {
        ...running(called("t0")),
        observed: {
          bridges: ["decnet-topology-t0-dmz", { name: "decnet-topology-t3-lan", topology_id: "t3" }],
          containers: []
        }
      },
      ["runs t0, and should run t1", "LAN decnet-topology-t3-lan is there, and should not be"],
      ["Teardown t0", "Teardown t3", "Apply t1"]
    ],
    [
      "with what another one left",
      {
        ...running(TWO_LANS),
        observed: {
          bridges: [dmz, inner, { name: "decnet-topology-t0-lan", topology_id: "t0" }],
          containers: [web, db]
        }
      },
      ["LAN decnet-topology-t0-lan is there, and should not be"],
      ["Teardown t0", "Apply t1"]
    ]
  ])("%s", (_, reported, words, commands) => {
    expect(drift(T1, reported)).toEqual(words)
    expect(told(T1, reported)).toEqual(commands)
  })
})

describe("a host that should run nothing", () => {
  it.each<[string, TopologyState | null, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["and does not", idle(), [], []],
    ["and says nothing of any", null, [], []],
    [
      "and cannot read its memory",
      { ...idle(), last_error: "topology.db: disk I/O error" },
      ["cannot say what it runs: topology.db: disk I/O error"],
      []
    ],
    [
      "and runs something",
      { topology_id: "t1", applied_version_hash: hashOf(TWO_LANS) },
      ["runs t1, and should run nothing"],
      ["Teardown t1"]
    ],
    ["and runs something that is there", running(TWO_LANS), ["runs t1, and should run nothing"], ["Teardown t1"]],
    [
      "with something left",
      { ...idle(), observed: { bridges: [], containers: [{ name: web, topology_id: "t1" }] } },
      [`decky ${web} is there, and should not be`],
      ["Teardown t1"]
    ],
    [
      "with something left of which it is not said whose it is",
      { ...idle(), observed: { bridges: [], containers: [web] } },
      [`decky ${web} is there, and should not be`],
      []
    ],
    [
      "and cannot see its engine",
      { ...idle(), observed: { error: "connect ENOENT" } },
      ["its engine cannot be looked at: connect ENOENT"],
      []
    ]
  ])("%s", (_, reported, words, commands) => {
    expect(drift(NOTHING, reported)).toEqual(words)
    expect(told(NOTHING, reported)).toEqual(commands)
  })
})

it("a host that makes things up is answered in moderation", () => {
  const bridges = Array.from({ length: 5000 }, (_, at) => ({ name: `x${at}`, topology_id: `t-${at}` }))
  const state = { ...idle(), observed: { bridges, containers: [] } }
  expect(drift(NOTHING, state)).toHaveLength(101)
  expect(drift(NOTHING, state).at(-1)).toBe("and 4900 more differences")
  expect(told(NOTHING, state)).toHaveLength(16)
})

it("a host's own words are cut to a line", () => {
  const [words = ""] = drift(T1, failed("x".repeat(5000)))
  expect(words.length).toBeLessThan(400)
})
