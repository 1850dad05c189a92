import { expect, it } from "vitest"
import { judgeFleet } from "../../src/doctor/receiver/fleet.ts"
import { HostId } from "../../src/domain/names.ts"
import { formatTime } from "../../src/domain/time.ts"
import { type FleetRow, fleetRows } from "../../src/receiver/master/fleet.ts"

const NOW = 1_800_000_000_000
const MINUTE = 60_000
const ago = (minutes: number): string => formatTime(NOW - minutes * MINUTE)

const well: FleetRow = {
  host_id: HostId.make("lab-1"),
  seen_at: null,
  said: null,
  instances: [],
  known: true,
  managed: true,
  last_heartbeat: ago(0.2),
  agent_version: "0",
  wanted_topology_id: "t1",
  wanted_version_hash: null,
  wanted_generation: 3,
  wanted_since: ago(100),
  applied_topology_id: "t1",
  applied_version_hash: null,
  applied_generation: 3,
  needs_resync: false,
  drift: [],
  drift_since: null,
  superseded_by: null,
  told: null
}
const drifted = (minutes: number, over: Partial<FleetRow> = {}): Partial<FleetRow> => ({
  needs_resync: true,
  drift: ["decky web is missing", "decky db is missing"],
  drift_since: ago(minutes),
  ...over
})
const inVain = { at: ago(1), generation: 3, outcome: "Failed", words: "no such image" }

it.each<[string, Partial<FleetRow>, string, RegExp]>([
  ["all as wanted", {}, "green", /^1 host well, 1 of 1 managed$/],
  ["unmanaged and never heard", { managed: false, last_heartbeat: null }, "green", /0 of 1 managed/],
  ["drifted a moment ago", drifted(1), "green", /well/],
  ["drifted a while ago", drifted(5), "yellow", /for 5 min: decky web is missing, and 1 more$/],
  [
    "drifted for long, in vain",
    drifted(90, { told: inVain }),
    "red",
    /for 1 h 30 min: .*; told in vain: no such image$/
  ],
  ["never heard", { last_heartbeat: null }, "yellow", /never reported/],
  ["quiet", { last_heartbeat: ago(6) }, "yellow", /said nothing for 6 min/],
  ["quiet for long", { last_heartbeat: ago(61) }, "red", /said nothing for 1 h 1 min/],
  ["unmanaged and quiet for long", { managed: false, last_heartbeat: ago(61) }, "yellow", /said nothing/],
  ["of a clock that was ahead", drifted(-90), "yellow", /decky web is missing.* 1 h 30 min ahead of the clock here/],
  ["quiet since the clock was ahead", { last_heartbeat: ago(-90) }, "yellow", /1 h 30 min ahead of the clock here/],
  ["heard by a clock that was a little ahead", { last_heartbeat: ago(-1) }, "green", /well/],
  ["another master's", drifted(90, { superseded_by: 9 }), "red", /generation 9, above ours \(3\)/],
  ["not known any more", { known: false, last_heartbeat: ago(600) }, "green", /the master has no hosts/]
])("a host that is %s", (_, over, state, words) => {
  const findings = judgeFleet([{ ...well, ...over }], NOW, (line) => `cis490-receiver ${line}`)
  expect(findings).toHaveLength(1)
  expect(findings[0]).toMatchObject({ state, found: expect.stringMatching(words) })
  expect(findings[0]?.mend === null).toBe(state === "green")
})

it.each([
  ["t1", "set lab-1 FILE"],
  [null, "clear lab-1"]
])("what mends a master that is behind and wants %s is a command to paste", (wanted_topology_id, order) => {
  const row = { ...well, wanted_topology_id, superseded_by: 9 }
  const [finding] = judgeFleet([row], NOW, (line) => `cis490-receiver ${line}`)
  expect(finding?.mend).toBe(`cis490-receiver topology ${order} --take-over`)
})

const notUnderstood = (generation: number): FleetRow => {
  const hostId = HostId.make("lab-1")
  const topology = { topology_id: "t1", applied_version_hash: "ab", generation }
  const [row] = fleetRows({
    known: new Set(["lab-1"]),
    checkIns: [],
    reports: [{ host_id: hostId, heard_at: ago(0.2), said: { host_id: hostId, topology } }],
    standings: [
      {
        order: { hostId, generation: 3, hydratedJson: "of a later version", setAt: NOW },
        wanted: undefined
      }
    ]
  })
  if (row === undefined) throw new Error("a host that is known has a row")
  return row
}

it("an order that is not understood is red, however long it has been there", () => {
  for (const drift_since of [null, ago(1), ago(90)]) {
    const findings = judgeFleet([{ ...notUnderstood(3), drift_since }], NOW, (line) => `cis490-receiver ${line}`)
    expect(findings).toEqual([
      {
        target: "lab-1",
        state: "red",
        found: "what it should run is not understood, and it is told nothing",
        mend: "cis490-receiver topology set lab-1 FILE"
      }
    ])
  }
})

it("an order that is not understood is no order for nothing", () => {
  const [finding] = judgeFleet([notUnderstood(9)], NOW, (line) => `cis490-receiver ${line}`)
  expect(finding?.mend).toBe("cis490-receiver topology set lab-1 FILE --take-over")
})

it("a host that only checks in is listed, and is nobody's to tell", () => {
  const lab = HostId.make("lab-9")
  const checkIns = [{ host_id: lab, seen_at: ago(1), said: { host_id: lab }, instances: [] }]
  expect(fleetRows({ known: new Set(["lab-1"]), checkIns, reports: [], standings: [] })).toMatchObject([
    { host_id: "lab-1", known: true, seen_at: null, needs_resync: false },
    { host_id: "lab-9", known: false, managed: false, needs_resync: false, seen_at: ago(1) }
  ])
})
