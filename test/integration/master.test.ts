/** The master over real HTTP, and an agent that answers it over real HTTP. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, expect, test } from "vitest"
import { HostId } from "../../src/domain/names.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import type { AgentAddress } from "../../src/receiver/master/Agents.ts"
import { makeAuthority } from "../support/certificates.ts"
import { type FakeAgent, startFakeAgent } from "../support/fakeAgent.ts"
import { type Options, type Receiver, startReceiver, TOKENS, temporaryDirectory, tokens } from "../support/receiver.ts"
import { called, hashOf, TWO_LANS } from "../support/topology.ts"
import { type Answer, expectProblem, jsonOf, send, until } from "../support/wire.ts"

const LAB = HostId.make("lab-1")

const roots: Array<string> = []
const newRoot = (): string => {
  const root = temporaryDirectory()
  roots.push(root)
  return root
}
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})
const admin = { authorization: `Bearer ${TOKENS.admin}` }
const upload = { authorization: `Bearer ${TOKENS.host}` }

const with_ = (agent: FakeAgent, over: Options = {}): Options => ({
  tokens,
  agents: [{ hostId: LAB, url: agent.url, tokenFile: undefined, tls: { verify_tls: true } }],
  ...over
})

const request = (
  receiver: Receiver,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown
): Promise<Answer> => {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body)
  return send(receiver.port, {
    method,
    path,
    headers: { ...headers, ...(text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) }) },
    ...(text === undefined ? {} : { body: text })
  })
}

const set = (receiver: Receiver, hydrated: Hydrated | null, headers: Record<string, string> = {}) =>
  request(receiver, "PUT", "/v1/hosts/lab-1/topology", { ...admin, ...headers }, hydrated)

const rowOf = async (receiver: Receiver): Promise<Record<string, unknown>> => {
  const rows: ReadonlyArray<Record<string, unknown>> = JSON.parse(
    (await request(receiver, "GET", "/v1/hosts", admin)).text
  )
  return rows.find(({ host_id }) => host_id === LAB) ?? {}
}

/** Until the agent was asked that often. */
const asked = (agent: FakeAgent, times: number) => until(() => agent.asked.length >= times)
const told = async (receiver: Receiver, outcome: string) => {
  for (;;) {
    const row = await rowOf(receiver)
    const told = row["told"]
    if (
      told !== null &&
      typeof told === "object" &&
      told !== undefined &&
      "outcome" in told &&
      told.outcome === outcome
    )
      return
  }
}
const beat = (agent: FakeAgent, receiver: Receiver) => agent.beat(receiver.port, "lab-1", upload)

test("a host is told what it should run, and the master is content once it reports so", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  expect((await beat(agent, receiver)).status).toBe(204)
  expect(await rowOf(receiver)).toMatchObject({ managed: false, needs_resync: false, wanted_version_hash: null })

  const answer = await set(receiver, TWO_LANS)
  expect(answer.status).toBe(200)
  expect(jsonOf(answer)).toMatchObject({ host_id: LAB, generation: 1, version_hash: hashOf(TWO_LANS) })
  await asked(agent, 1)
  expect(agent.asked).toEqual(["apply t1 1"])
  await told(receiver, "Done")
  expect(await rowOf(receiver)).toMatchObject({ needs_resync: true, drift: ["runs nothing, and should run t1"] })

  await beat(agent, receiver)
  expect(await rowOf(receiver)).toMatchObject({
    managed: true,
    needs_resync: false,
    drift: [],
    drift_since: null,
    wanted_version_hash: hashOf(TWO_LANS),
    applied_version_hash: hashOf(TWO_LANS),
    wanted_generation: 1,
    applied_generation: 1
  })
  await beat(agent, receiver)
  expect(agent.asked).toHaveLength(1)
})

test("a host that runs another topology is told to tear it down first", async () => {
  await using agent = await startFakeAgent({ runs: called("t0"), generation: 1 })
  await using receiver = await startReceiver(with_(agent))
  await beat(agent, receiver)
  await set(receiver, TWO_LANS)
  await asked(agent, 2)
  expect(agent.asked).toEqual(["teardown t0 1", "apply t1 1"])
})

test("a host that should run nothing and reports something gets a teardown", async () => {
  await using agent = await startFakeAgent({ runs: TWO_LANS, generation: 1 })
  await using receiver = await startReceiver(with_(agent))
  await beat(agent, receiver)
  expect(agent.asked).toEqual([])
  await set(receiver, null)
  await asked(agent, 1)
  expect(agent.asked).toEqual(["teardown t1 1"])
  await told(receiver, "Done")
  await beat(agent, receiver)
  expect(await rowOf(receiver)).toMatchObject({ managed: true, needs_resync: false, wanted_topology_id: null })
})

test("what disappears behind the agent's back is seen, said with its age, and mended", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  await beat(agent, receiver)
  await set(receiver, TWO_LANS)
  await told(receiver, "Done")
  await beat(agent, receiver)
  const before = agent.control.state
  agent.control.state = { ...agent.control.state, observed: { bridges: [], containers: [] } }
  await beat(agent, receiver)
  expect(await rowOf(receiver)).toMatchObject({
    needs_resync: true,
    drift: expect.arrayContaining(["decky decnet-topology-t1-web is missing"]),
    drift_since: expect.stringMatching(/Z$/)
  })
  await asked(agent, 2)
  expect(agent.asked[1]).toBe("apply t1 1")
  agent.control.state = before
  await beat(agent, receiver)
  expect(await rowOf(receiver)).toMatchObject({ needs_resync: false })
  expect(receiver.logs.map(({ message }) => message)).toContain("lab-1 runs what it should")
})

test("what is wanted outlives the master, and is told only once an agent has reported", async () => {
  const root = newRoot()
  await using agent = await startFakeAgent()
  {
    await using receiver = await startReceiver(with_(agent, { root }))
    expect(jsonOf(await set(receiver, TWO_LANS))).toMatchObject({ generation: 1 })
  }
  await using receiver = await startReceiver(with_(agent, { root }))
  expect(agent.asked).toEqual([])
  expect(await rowOf(receiver)).toMatchObject({ needs_resync: true, drift: ["its agent has not reported yet"] })
  await beat(agent, receiver)
  await asked(agent, 1)
  expect(jsonOf(await set(receiver, called("t2")))).toMatchObject({ generation: 2 })
})

test("a host that was taken out of the fleet is refused, and told nothing any more", async () => {
  const root = newRoot()
  await using agent = await startFakeAgent()
  {
    await using receiver = await startReceiver(with_(agent, { root }))
    await beat(agent, receiver)
    await set(receiver, TWO_LANS)
    await told(receiver, "Done")
  }
  const reports = readFileSync(join(root, "fleet/lab-1.json"))
  await using receiver = await startReceiver(with_(agent, { root, agents: [] }))
  expectProblem(await beat(agent, receiver), 404, "unknown-host")
  expectProblem(await set(receiver, null), 404, "unknown-host")
  expect(agent.asked).toHaveLength(1)
  expect(readFileSync(join(root, "fleet/lab-1.json")).equals(reports)).toBe(true)
})

test("each agent is met with what the operator gave for it, and with nothing else", async () => {
  const root = newRoot()
  const write = (name: string, text: string): string => {
    writeFileSync(join(root, name), text)
    return join(root, name)
  }
  const make = async (name: string) => {
    const lab = makeAuthority(name)
    const server = lab.issue({ cn: name, dns: ["localhost"], use: "server" })
    const client = lab.issue({ cn: `master of ${name}`, use: "client" })
    const agent = await startFakeAgent({
      token: `token of ${name}`.replaceAll(" ", "-"),
      tls: { ...server, ca: lab.cert }
    })
    const address: AgentAddress = {
      hostId: HostId.make(name),
      url: agent.url,
      tokenFile: write(`${name}.token`, `token of ${name}`.replaceAll(" ", "-")),
      tls: {
        verify_tls: true,
        ca_bundle: write(`${name}.ca`, lab.cert),
        client_cert: write(`${name}.cert`, client.cert),
        client_key: write(`${name}.key`, client.key)
      }
    }
    return { agent, address }
  }
  const [one, two] = [await make("lab-1"), await make("lab-2")]
  await using first = one.agent
  await using second = two.agent
  const crossed: AgentAddress = { ...one.address, hostId: HostId.make("lab-3"), url: two.agent.url }
  await using receiver = await startReceiver(with_(first, { root, agents: [one.address, two.address, crossed] }))
  const shared = { authorization: `Bearer ${TOKENS.shared}` }
  for (const hostId of ["lab-1", "lab-2", "lab-3"]) {
    await first.beat(receiver.port, hostId, shared)
    const answer = await request(receiver, "PUT", `/v1/hosts/${hostId}/topology`, admin, called(`of-${hostId}`))
    expect(answer.status).toBe(200)
  }
  await asked(first, 1)
  await asked(second, 1)
  expect([first.asked, second.asked]).toEqual([["apply of-lab-1 1"], ["apply of-lab-2 1"]])
  await until(() => receiver.logs.some(({ message }) => /lab-3 was told .*, in vain: .*certificate/.test(message)))
})

test("a master that lost its database tears nothing down", async () => {
  await using agent = await startFakeAgent({ runs: TWO_LANS, generation: 7 })
  await using receiver = await startReceiver(with_(agent))
  await beat(agent, receiver)
  await beat(agent, receiver)
  expect(await rowOf(receiver)).toMatchObject({ managed: false, needs_resync: false, applied_topology_id: "t1" })
  expect(agent.asked).toEqual([])
})

test("a master that is behind says so loudly, does not loop, and has the say again with a take-over", async () => {
  await using agent = await startFakeAgent({ runs: called("t9"), generation: 7 })
  await using receiver = await startReceiver(with_(agent))
  await beat(agent, receiver)
  expect(jsonOf(await set(receiver, TWO_LANS))).toMatchObject({ generation: 1, superseded_by: 7 })
  for (let i = 0; i < 5; i++) await beat(agent, receiver)
  expect(await rowOf(receiver)).toMatchObject({ needs_resync: true, superseded_by: 7, wanted_generation: 1 })
  const loud = receiver.logs.filter(({ level }) => level === "Error").map(({ message }) => message)
  expect(loud).toEqual([expect.stringContaining("cis490-receiver topology set lab-1 FILE --take-over")])
  expect(agent.asked).toEqual([])

  expect(jsonOf(await set(receiver, TWO_LANS, { "x-cis490-take-over": "true" }))).toMatchObject({
    generation: 8,
    superseded_by: null
  })
  await asked(agent, 2)
  expect(agent.asked).toEqual(["teardown t9 8", "apply t1 8"])
})

test.each([
  [TWO_LANS, "apply t1 1", "topology set lab-1 FILE --take-over"],
  [null, "teardown t9 1", "topology clear lab-1 --take-over"]
])("an agent that refuses our generation is told so once", async (wanted, order, mend) => {
  await using agent = await startFakeAgent(wanted === null ? { runs: called("t9"), generation: 0 } : {})
  await using receiver = await startReceiver(with_(agent))
  await beat(agent, receiver)
  agent.control.highest = 5
  await set(receiver, wanted)
  await told(receiver, "Superseded")
  await beat(agent, receiver)
  await beat(agent, receiver)
  expect(agent.asked).toEqual([order])
  const loud = receiver.logs.filter(({ level }) => level === "Error").map(({ message }) => message)
  expect(loud).toContainEqual(expect.stringContaining(`in vain: `))
  expect(loud.filter((line) => !line.includes(mend))).toEqual([])
})

test("an agent that cannot be reached is told again, and said to be so once", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(
    with_(agent, {
      agents: [{ hostId: LAB, url: "http://127.0.0.1:1", tokenFile: undefined, tls: { verify_tls: true } }]
    })
  )
  await beat(agent, receiver)
  await set(receiver, TWO_LANS)
  await told(receiver, "Unreached")
  expect(await rowOf(receiver)).toMatchObject({ told: { words: expect.stringContaining("127.0.0.1:1") } })
})

test("the agent's token comes from its file, anew for every request", async () => {
  const root = newRoot()
  const tokenFile = join(root, "agent.token")
  await using agent = await startFakeAgent({ token: "the-agents-own" })
  const agents = [{ hostId: LAB, url: agent.url, tokenFile, tls: { verify_tls: true } }]
  await using receiver = await startReceiver(with_(agent, { root, agents }))
  await beat(agent, receiver)
  await set(receiver, TWO_LANS)
  await told(receiver, "Unreached")
  expect(await rowOf(receiver)).toMatchObject({ told: { words: `token file ${tokenFile} is missing` } })
  writeFileSync(tokenFile, "the-agents-own\n")
  await set(receiver, TWO_LANS)
  await told(receiver, "Done")
})

test("the master's routes are the operator's alone", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  const routes = [
    ["GET", "/v1/hosts", undefined],
    ["GET", "/v1/hosts/lab-1/topology", undefined],
    ["PUT", "/v1/hosts/lab-1/topology", TWO_LANS]
  ] as const
  for (const [method, path, body] of routes) {
    for (const token of [TOKENS.shared, TOKENS.host, TOKENS.otherHost]) {
      expectProblem(await request(receiver, method, path, { authorization: `Bearer ${token}` }, body), 403, "not-admin")
    }
    expectProblem(await request(receiver, method, path, { authorization: "Bearer x" }, body), 401, "unauthenticated")
    expectProblem(await request(receiver, method, path, {}, body), 401, "unauthenticated")
  }
  expect(existsSync(join(receiver.incoming, "../fleet.db"))).toBe(false)
})

test("without an admin token the master's routes are off", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent, { tokens: { ...tokens, admin: undefined } }))
  for (const headers of [admin, upload, {}]) {
    expectProblem(await request(receiver, "GET", "/v1/hosts", headers), 404, "not-found")
    expectProblem(await set(receiver, TWO_LANS, headers), 404, "not-found")
  }
})

test("an upload token that is the admin token, too, commands nothing", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent, { tokens: { ...tokens, admin: tokens.shared } }))
  expectProblem(
    await request(receiver, "GET", "/v1/hosts", { authorization: `Bearer ${TOKENS.shared}` }),
    403,
    "not-admin"
  )
})

test("a heartbeat speaks for its own host, and for one that is known; else it leaves nothing", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  const files = () => readdirSync(join(receiver.incoming, "../fleet"))
  expectProblem(
    await agent.beat(receiver.port, "lab-1", { authorization: `Bearer ${TOKENS.otherHost}` }),
    403,
    "wrong-host"
  )
  expectProblem(
    await agent.beat(receiver.port, "lab-2", { authorization: `Bearer ${TOKENS.otherHost}` }),
    404,
    "unknown-host"
  )
  expectProblem(
    await agent.beat(receiver.port, "lab-3", { authorization: `Bearer ${TOKENS.shared}` }),
    404,
    "unknown-host"
  )
  expectProblem(await agent.beat(receiver.port, "lab-1", admin), 401, "unauthenticated")
  expectProblem(await agent.beat(receiver.port, "lab-1"), 401, "unauthenticated")
  expect(files()).toEqual([])
  expect(await rowOf(receiver)).toMatchObject({ last_heartbeat: null })
  expect((await beat(agent, receiver)).status).toBe(204)
  expect(files()).toEqual(["lab-1.json"])
})

test("a heartbeat that is refused is said once until one is taken", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  const other = { authorization: `Bearer ${TOKENS.otherHost}` }
  const said = () =>
    receiver.logs
      .map(({ message }) => message)
      .filter((line) => line.startsWith("refused a heartbeat: "))
      .map((line) => line.replace(/^refused a heartbeat: (.*); not said again until one is taken$/, "$1"))
  for (let i = 0; i < 3; i++) {
    await agent.beat(receiver.port, "lab-1", other)
    await agent.beat(receiver.port, "lab-2", other)
  }
  const [strange, unknown] = ["this token does not belong to host lab-1", "lab-2 is no host of this master"]
  expect(said()).toEqual([strange, unknown])
  await beat(agent, receiver)
  await agent.beat(receiver.port, "lab-1", other)
  expect(said()).toEqual([strange, unknown, strange])
})

test("a heartbeat as a dry run is answered as always, and nothing is noted of it", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  const dry = { "x-cis490-dry-run": "true" }
  const other = { authorization: `Bearer ${TOKENS.otherHost}`, ...dry }
  expectProblem(await agent.beat(receiver.port, "lab-1", dry), 401, "unauthenticated")
  expectProblem(await agent.beat(receiver.port, "lab-1", other), 403, "wrong-host")
  expectProblem(await agent.beat(receiver.port, "lab-2", other), 404, "unknown-host")
  expectProblem(await request(receiver, "POST", "/v1/heartbeat", { ...upload, ...dry }, "{}"), 400, "bad-request")
  expect((await agent.beat(receiver.port, "lab-1", { ...upload, ...dry })).status).toBe(204)
  expect(await rowOf(receiver)).toMatchObject({ last_heartbeat: null })
  expect(readdirSync(join(receiver.incoming, "../fleet"))).toEqual([])
})

const hostile: ReadonlyArray<readonly [string, string, number, string]> = [
  ["no JSON", "{", 400, "bad-request"],
  ["null", "null", 400, "bad-request"],
  ["a list", "[]", 400, "bad-request"],
  ["no host", '{"topology":null}', 400, "bad-request"],
  ["a host that is a path", '{"host_id":"../etc","topology":null}', 400, "bad-request"],
  ["no topology", '{"host_id":"lab-1"}', 400, "bad-request"],
  ["a topology that is text", '{"host_id":"lab-1","topology":"t1"}', 400, "bad-request"],
  [
    "objects that are numbers",
    '{"host_id":"lab-1","topology":{"topology_id":null,"applied_version_hash":null,"observed":{"bridges":[1],"containers":[]}}}',
    400,
    "bad-request"
  ],
  [
    "a generation that is none",
    '{"host_id":"lab-1","topology":{"topology_id":null,"applied_version_hash":null,"generation":1e300}}',
    400,
    "bad-request"
  ],
  ["a nest", `{"host_id":"lab-1","topology":${"[".repeat(200_000)}${"]".repeat(200_000)}}`, 400, "bad-request"],
  ["too much", JSON.stringify({ host_id: "lab-1", topology: null, x: "x".repeat(1_100_000) }), 413, "too-large"]
]
test.each(hostile)("a heartbeat of %s is refused, and the next one is heard", async (_, body, status, problem) => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  expectProblem(await request(receiver, "POST", "/v1/heartbeat", upload, body), status, problem)
  expect((await beat(agent, receiver)).status).toBe(204)
})

test("an agent's words reach no terminal as they are, and no line without end", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  await set(receiver, TWO_LANS)
  agent.control.state = { ...agent.control.state, last_error: "x".repeat(50_000) }
  await beat(agent, receiver)
  const { drift } = await rowOf(receiver)
  expect(JSON.stringify(drift).length).toBeLessThan(500)
})

test.each([
  ["what is no topology", { topology: {} }, 400, "invalid-topology"],
  [
    "overlapping LANs",
    { ...TWO_LANS, lans: TWO_LANS.lans.map((lan) => ({ ...lan, subnet: "10.0.0.0/8" })) },
    400,
    "invalid-topology"
  ],
  ["no JSON", "nothing", 400, "bad-request"]
])("an order of %s is refused and changes nothing", async (_, body, status, problem) => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  const answer = await request(receiver, "PUT", "/v1/hosts/lab-1/topology", admin, body)
  expectProblem(answer, status, problem)
  expect(await rowOf(receiver)).toMatchObject({ managed: false })
})

test("what a host should run can be asked for", async () => {
  await using agent = await startFakeAgent()
  await using receiver = await startReceiver(with_(agent))
  const ask = async () => jsonOf(await request(receiver, "GET", "/v1/hosts/lab-1/topology", admin))
  expect(await ask()).toMatchObject({ managed: false, generation: null, hydrated: null })
  await set(receiver, TWO_LANS)
  expect(await ask()).toMatchObject({ managed: true, generation: 1, hydrated: TWO_LANS })
  await set(receiver, null)
  expect(await ask()).toMatchObject({ managed: true, generation: 2, version_hash: null, hydrated: null })
  expectProblem(await request(receiver, "GET", "/v1/hosts/lab-2/topology", admin), 404, "unknown-host")
  expectProblem(await request(receiver, "PUT", "/v1/hosts/lab-2/topology", admin, null), 404, "unknown-host")
  expectProblem(await request(receiver, "GET", "/v1/hosts/..%2f/topology", admin), 400, "bad-name")
})

test("a database that is damaged is left alone, is said, and stops no upload", async () => {
  const root = newRoot()
  writeFileSync(join(root, "fleet.db"), "this is no database, and long enough to be looked at as one")
  await using agent = await startFakeAgent({ runs: TWO_LANS })
  await using receiver = await startReceiver(with_(agent, { root }))
  await beat(agent, receiver)
  expectProblem(await set(receiver, null), 503, "unavailable")
  expect(agent.asked).toEqual([])
  expect((await request(receiver, "GET", "/v1/health", {})).status).toBe(200)
})
