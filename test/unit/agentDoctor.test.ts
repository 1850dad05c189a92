import { describe, expect, test } from "vitest"
import { judgeDrift } from "../../src/doctor/agent/drift.ts"
import { judgeAgent, judgeMaster } from "../../src/doctor/agent/ends.ts"
import { judgeEngine } from "../../src/doctor/agent/engine.ts"
import { unreachedMend } from "../../src/doctor/unreached.ts"
import type { Thing } from "../../src/domain/topology/observed.ts"
import { type Expected, nothingRemembered, type Remembered } from "../../src/services/AppliedTopology.ts"
import { EngineTrouble } from "../../src/services/Engine.ts"

const socket = "/var/run/docker.sock"
const trouble = (why: EngineTrouble["why"]) => new EngineTrouble({ why, message: "it says so" })

describe("the engine", () => {
  const mends = { asRoot: "look as root", edit: "edit" }
  test.each([
    ["20.10.24", 0o660, "green", null],
    ["20.10.24", 0o666, "green", null],
    ["20.10.24", 0o600, "yellow", `sudo chgrp docker ${socket} && sudo chmod 660 ${socket}`],
    ["20.10.24", 0o640, "yellow", `sudo chgrp docker ${socket} && sudo chmod 660 ${socket}`],
    [trouble("away"), undefined, "red", "sudo systemctl enable --now docker"],
    [trouble("away"), 0o660, "red", "sudo systemctl restart docker"],
    [trouble("refused"), 0o660, "red", "sudo systemctl restart docker"],
    [trouble("denied"), 0o660, "yellow", "look as root"]
  ] as const)("that answers %s at a socket of mode %s is %s", (answer, mode, state, mend) => {
    expect(judgeEngine(answer, { mode, socket, ...mends })).toMatchObject({ state, mend })
  })
  test.each([
    ["/run/docker.sock", "sudo systemctl enable --now docker"],
    ["/run/dokcer.sock", "edit"]
  ])("that is not at %s is red", (socket, mend) => {
    expect(judgeEngine(trouble("away"), { mode: undefined, socket, ...mends })).toMatchObject({ state: "red", mend })
  })
})

const applied: Remembered = {
  topology_id: "t1",
  applied_version_hash: "ab",
  applied_at: 1,
  last_error: null,
  generation: 1
}
const expected: Expected = { bridges: ["n-a"], containers: ["c-web", "c-db"] }
const lan = (name: string): Thing => ({ kind: "LAN", name, topologyId: "t1", state: undefined, networks: undefined })
const decky = (name: string, state = "running"): Thing => ({
  kind: "decky",
  name,
  topologyId: "t1",
  state,
  networks: []
})
const whole = [lan("n-a"), decky("c-web"), decky("c-db")]

describe("the drift", () => {
  test.each([
    ["all of it", applied, expected, whole, "green", "t1 is as it was applied: 3 objects"],
    ["nothing of nothing", nothingRemembered, undefined, [], "green", "nothing is applied, nothing is there"],
    ["something of nothing", nothingRemembered, undefined, [lan("n-a")], "yellow", "there, and not of it: n-a"],
    ["less", applied, expected, whole.slice(0, 2), "red", "missing: c-db"],
    ["more", applied, expected, [...whole, decky("x")], "red", "there, and not of it: x"],
    [
      "one that stands still",
      applied,
      expected,
      [...whole.slice(0, 2), decky("c-db", "exited")],
      "red",
      "not running: c-db"
    ],
    ["what failed", { ...applied, last_error: "no image" }, expected, whole, "red", "t1 is not applied: no image"],
    ["an engine that cannot be asked", applied, expected, "away", "yellow", "cannot be told"],
    ["a memory that is not understood", applied, undefined, whole, "yellow", "cannot be read from the memory"]
  ] as const)("of %s", (_, remembered, names, things, state, words) => {
    const finding = judgeDrift(remembered, names, things, "lab-1")
    expect(finding.state).toBe(state)
    expect(finding.found).toContain(words)
    expect(finding.mend).toBe(state === "green" ? null : "sudo cis490-receiver topology show lab-1  # on the master")
  })
})

test.each([
  ["the connection was refused (ECONNREFUSED)", "sudo systemctl start cis490-receiver  # on collector.wg"],
  ["the name collector.wg is not known (ENOTFOUND)", "getent hosts collector.wg || sudoedit '/etc/a b.toml'"],
  ["no name service (EAI_AGAIN)", "getent hosts collector.wg || sudoedit '/etc/a b.toml'"],
  ["HTTP status 503: the disk is full", "ask"]
])("what mends a master that is away: %s", (why, mend) => {
  const asked = { url: "https://collector.wg:8490", configFile: "/etc/a b.toml", otherwise: "ask" }
  expect(unreachedMend(why, asked)).toBe(mend)
})

test("the ends of the wire", () => {
  expect(judgeAgent(200, "start", "ask")).toMatchObject({ state: "green" })
  expect(judgeAgent(404, "start", "ask")).toMatchObject({ state: "red", mend: "ask" })
  expect(judgeAgent({ error: "refused" }, "start", "ask")).toMatchObject({ state: "red", mend: "start" })
  const mends = { ask: "ask", edit: "edit", makeKnown: "make known", reach: (why: string) => `reach: ${why}` }
  expect(judgeMaster({ _tag: "Taken" }, mends).state).toBe("green")
  for (const [heard, mend] of [
    [{ _tag: "Away", words: "no way" }, "reach: no way"],
    [{ _tag: "Refused", words: "a proxy's" }, "ask"],
    [{ _tag: "Refused", words: "no token was sent", problem: "unauthenticated" }, "edit"],
    [{ _tag: "Refused", words: "another's", problem: "wrong-host" }, "edit"],
    [{ _tag: "Refused", words: "not here", problem: "unknown-host" }, "make known"]
  ] as const) {
    const found = expect.stringContaining(heard.words)
    expect(judgeMaster(heard, mends)).toMatchObject({ state: "red", found, mend })
  }
})
