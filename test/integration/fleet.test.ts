/** The master, and the real agent with something in place of its engine. */
import { chmodSync, writeFileSync } from "node:fs"
import { expect, test } from "vitest"
import type { Row } from "../../src/doctor/row.ts"
import { HostId } from "../../src/domain/names.ts"
import { makeAgentBox } from "../support/agentBox.ts"
import { closedToNobody, readDoctor } from "../support/doctor.ts"
import { makeFakeTools } from "../support/fakeTools.ts"
import { startReceiver, TOKENS, tokens } from "../support/receiver.ts"
import { startStandInEngine } from "../support/standInEngine.ts"
import { called, hashOf, TWO_LANS } from "../support/topology.ts"
import { send } from "../support/wire.ts"

const LAB = HostId.make("lab-1")
const AGENTS_TOKEN = "the-agents-own"

const startFleet = async () => {
  const stack = new AsyncDisposableStack()
  const engine = stack.use(await startStandInEngine())
  const box = stack.use(makeAgentBox(engine.socket, { pulse: 0.1 }))
  const tokenFile = `${box.home}/agent.token`
  const receiver = stack.use(
    await startReceiver({
      tokens,
      agents: [{ hostId: LAB, url: "http://localhost", tokenFile, tls: { verify_tls: true, unix_socket: box.socket } }]
    })
  )
  box.configure({
    auth: { bearer_token: AGENTS_TOKEN },
    master: { url: `http://127.0.0.1:${receiver.port}`, bearer_token: TOKENS.host }
  })
  writeFileSync(tokenFile, AGENTS_TOKEN)
  const agent = stack.use(await box.start())
  const ask = (method: string, path: string, body?: unknown) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    return send(receiver.port, {
      method,
      path,
      headers: {
        authorization: `Bearer ${TOKENS.admin}`,
        ...(text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) })
      },
      ...(text === undefined ? {} : { body: text })
    })
  }
  const row = async (): Promise<Record<string, unknown>> => JSON.parse((await ask("GET", "/v1/hosts")).text)[0]
  return {
    agent,
    engine,
    receiver,
    box,
    set: (document: unknown) => ask("PUT", "/v1/hosts/lab-1/topology", document),
    row,
    untilRow: async (isSo: (row: Record<string, unknown>) => boolean) => {
      for (;;) if (isSo(await row())) return
    },
    names: () => [...engine.containers.values()].flatMap(({ Names }) => Names).toSorted(),
    [Symbol.asyncDispose]: () => stack.disposeAsync()
  }
}

test("a topology reaches the engine, is mended behind the agent's back, replaced and cleared", async () => {
  await using fleet = await startFleet()
  const { engine, names, set, untilRow } = fleet
  await untilRow((row) => row["last_heartbeat"] !== null)
  expect((await set(TWO_LANS)).status).toBe(200)
  await untilRow((row) => row["applied_topology_id"] === "t1" && row["needs_resync"] === false)
  expect(names()).toEqual(["/decnet-topology-t1-db", "/decnet-topology-t1-web"])

  const [first] = engine.containers.keys()
  engine.containers.delete(first ?? "")
  await untilRow((row) => row["needs_resync"] === true)
  await untilRow((row) => row["needs_resync"] === false)
  expect(names()).toEqual(["/decnet-topology-t1-db", "/decnet-topology-t1-web"])

  await set(called("t2"))
  await untilRow((row) => row["applied_topology_id"] === "t2" && row["needs_resync"] === false)
  expect(names()).toEqual(["/decnet-topology-t2-db", "/decnet-topology-t2-web"])

  await set(null)
  await untilRow((row) => row["applied_topology_id"] === null && row["needs_resync"] === false)
  expect([names(), engine.networks.size]).toEqual([[], 0])
})

test("a host that was rebooted runs nothing until it has reported and was told", async () => {
  await using fleet = await startFleet()
  const { agent, box, engine, names, set, untilRow } = fleet
  await untilRow((row) => row["last_heartbeat"] !== null)
  await set(TWO_LANS)
  await untilRow((row) => row["applied_topology_id"] === "t1" && row["needs_resync"] === false)
  await agent.stop("SIGTERM")
  engine.containers.clear()
  engine.networks.clear()
  await using _again = await box.start()
  await untilRow((row) => row["needs_resync"] === true)
  await untilRow((row) => row["needs_resync"] === false)
  expect(names()).toHaveLength(2)
})

test("an agent that knows better is not fought: the master is behind, and says so", async () => {
  await using fleet = await startFleet()
  const { box, names, receiver, row, set, untilRow } = fleet
  await untilRow((row) => row["last_heartbeat"] !== null)
  const other = { hydrated: called("t9"), version_hash: hashOf(called("t9")), generation: 40 }
  await box.request("POST", "/topology/apply", other, { authorization: `Bearer ${AGENTS_TOKEN}` })
  await untilRow((row) => row["applied_topology_id"] === "t9")
  await set(TWO_LANS)
  await untilRow((row) => row["superseded_by"] === 40)
  expect(names()).toEqual(["/decnet-topology-t9-db", "/decnet-topology-t9-web"])
  expect(await row()).toMatchObject({ needs_resync: true, wanted_generation: 1, told: null })
  expect(receiver.logs.filter(({ level }) => level === "Error")).toHaveLength(1)
})

test("doctor says whether the master takes this host's heartbeats, and sends none", async () => {
  await using engine = await startStandInEngine()
  using box = makeAgentBox(engine.socket)
  const agents = [{ hostId: LAB, url: "http://127.0.0.1:1", tokenFile: undefined, tls: { verify_tls: true } }]
  await using receiver = await startReceiver({ tokens, agents })
  await using stranger = await startReceiver({ tokens })
  const rowFor = async (port: number, token: string | undefined) => {
    const master = { url: `http://127.0.0.1:${port}` }
    box.configure({ master: token === undefined ? master : { ...master, bearer_token: token } })
    const rows: ReadonlyArray<Row> = JSON.parse((await box.run(["doctor", "--json"])).stdout)
    return rows.find(({ check }) => check === "master")
  }
  expect(await rowFor(receiver.port, TOKENS.host)).toMatchObject({ state: "green", found: "takes our heartbeats" })
  for (const [port, token, found, mend] of [
    [receiver.port, undefined, "HTTP status 401: no token was sent", `sudoedit ${box.home}/agent.toml`],
    [receiver.port, TOKENS.otherHost, "HTTP status 403: this token does not belong", `sudoedit ${box.home}/agent.toml`],
    [stranger.port, TOKENS.host, "HTTP status 404: lab-1 is no host of this master", /receiver\.toml.*# on the master$/]
  ] as const) {
    const row = await rowFor(port, token)
    expect(row).toMatchObject({ state: "red", found: expect.stringContaining(`refuses our heartbeats: ${found}`) })
    expect(row?.mend).toMatch(mend)
  }
  const hosts = await send(receiver.port, {
    method: "GET",
    path: "/v1/hosts",
    headers: { authorization: `Bearer ${TOKENS.admin}` }
  })
  expect(JSON.parse(hosts.text)).toMatchObject([{ host_id: "lab-1", last_heartbeat: null }])
})

test("doctor as root says which tokens the agent cannot read", async () => {
  await using engine = await startStandInEngine()
  using box = makeAgentBox(engine.socket)
  const agents = [{ hostId: LAB, url: "http://127.0.0.1:1", tokenFile: undefined, tls: { verify_tls: true } }]
  await using receiver = await startReceiver({ tokens, agents })
  const tools = makeFakeTools(box.home)
  tools.unit({ User: "nobody" })
  const [own, masters] = [`${box.home}/own`, `${box.home}/masters`]
  chmodSync(box.home, 0o711)
  writeFileSync(own, AGENTS_TOKEN, { mode: 0o600 })
  writeFileSync(masters, TOKENS.host, { mode: 0o600 })
  box.configure({
    auth: { bearer_token_file: own },
    master: { url: `http://127.0.0.1:${receiver.port}`, bearer_token_file: masters }
  })
  const found = readDoctor(await box.run(["doctor", "--json"], { env: { PATH: tools.path } }))
  expect(found.of("auth")).toMatchObject(closedToNobody(own))
  expect(found.of("master")).toMatchObject(closedToNobody(masters))
})
