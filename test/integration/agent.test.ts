/** The agent's program on a real socket, with something in place of the engine that counts who comes. */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import * as net from "node:net"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, test } from "vitest"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { type AgentBox, ask, makeAgentBox } from "../support/agentBox.ts"
import { makeAuthority } from "../support/certificates.ts"
import { listenForDatagrams } from "../support/datagrams.ts"
import { makeFakeTools } from "../support/fakeTools.ts"
import { sendSecurely } from "../support/secureWire.ts"
import { untilRunning } from "../support/shipperBox.ts"
import { type StandInEngine, startStandInEngine } from "../support/standInEngine.ts"
import { hashOf, TWO_LANS } from "../support/topology.ts"
import { until } from "../support/wire.ts"

const digestOf = (file: string): string => createHash("sha256").update(fs.readFileSync(file)).digest("hex")

const looks = (box: AgentBox) =>
  fs
    .readdirSync(box.directory)
    .filter((name) => name.startsWith("topology"))
    .map((name) => {
      const { ino, mtimeNs } = fs.statSync(join(box.directory, name), { bigint: true })
      return [name, ino, mtimeNs, digestOf(join(box.directory, name))]
    })

/** One that has applied two LANs and was stopped. */
const populated = async (engine: StandInEngine, options?: Parameters<typeof makeAgentBox>[1]) => {
  const box = makeAgentBox(engine.socket, options)
  await using agent = await box.start()
  expect((await box.apply(TWO_LANS)).status).toBe(200)
  await agent.stop("SIGTERM")
  engine.asked.length = 0
  engine.counted.connections = 0
  return box
}

describe("an agent with a memory", () => {
  test("starts without a call to the engine, answers /health without one, and tells its state by looking only", async () => {
    await using engine = await startStandInEngine()
    using box = await populated(engine)
    // The engine has lost it all, as after a reboot: nothing of it may come back.
    engine.networks.clear()
    engine.containers.clear()
    await using _agent = await box.start()
    for (let i = 0; i < 5; i++) {
      expect((await box.request("GET", "/health")).body).toEqual({ status: "ok" })
    }
    expect(engine.counted.connections).toBe(0)
    const { body } = await box.request("GET", "/topology/state")
    expect(body).toEqual({
      topology_id: "t1",
      applied_version_hash: hashOf(TWO_LANS),
      applied_at: expect.any(Number),
      last_error: null,
      generation: 1,
      observed: { bridges: [], containers: [] }
    })
    expect(engine.changes()).toEqual([])
    expect(engine.asked.length).toBeGreaterThan(0)
    expect([engine.networks.size, engine.containers.size]).toEqual([0, 0])
  })

  test("leaves its file byte for byte as it is, whoever starts and reads, and however often", async () => {
    await using engine = await startStandInEngine()
    using box = await populated(engine)
    const before = looks(box)
    expect(before.map(([name]) => name)).toEqual(["topology.db"])
    for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
      await using agent = await box.start()
      await box.request("GET", "/topology/state")
      await agent.stop(signal)
    }
    await using _one = await box.start()
    const second = makeAgentBox(engine.socket, { tables: { agent: { dir: box.directory } } })
    await using _two = await second.start()
    const ran = await Promise.all([box.run(["state"]), box.run(["state", "--json"]), box.run(["doctor", "--json"])])
    expect(ran.map(({ code }) => code).slice(0, 2)).toEqual([0, 0])
    expect(await second.state()).toEqual(await box.state())
    expect(looks(box)).toEqual(before)
    second[Symbol.dispose]()
  })

  test("says what it remembers without the agent and the engine: cis490-agent state", async () => {
    await using engine = await startStandInEngine()
    using box = await populated(engine)
    const { code, stdout } = await box.run(["state", "--json"])
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        topology_id: "t1",
        applied_version_hash: hashOf(TWO_LANS),
        applied_at: expect.any(Number),
        last_error: null,
        generation: 1
      }
    ])
    const plain = await box.run(["state"])
    expect(plain.stdout).toContain(hashOf(TWO_LANS))
    expect(engine.counted.connections).toBe(0)
  })
})

test("state: nothing before the first order; 1 when the last failed; DECNET_AGENT_DIR says where", async () => {
  await using engine = await startStandInEngine()
  using box = makeAgentBox(engine.socket)
  const before = await box.run(["state", "--json"])
  expect([before.code, JSON.parse(before.stdout).topology_id]).toEqual([0, null])
  expect(fs.existsSync(box.directory)).toBe(false)

  const elsewhere = join(box.home, "elsewhere")
  const env = { DECNET_AGENT_DIR: elsewhere }
  await using _agent = await box.start({ env })
  engine.control.before = async ({ path }) =>
    path.endsWith("/start") ? { status: 500, body: { message: "no" } } : undefined
  expect((await box.apply(TWO_LANS)).status).toBe(500)
  expect(fs.readdirSync(elsewhere)).toContain("topology.db")
  const after = await box.run(["state"], { env })
  expect(after.code).toBe(1)
  expect(after.stdout.replaceAll(/\s+/g, " ")).toContain(
    "starting the container decnet-topology-t1-web: no; nothing of it is left"
  )
})

/** Changes wait until they may go on. */
const holdChanges = (engine: StandInEngine) => {
  let go = (): void => undefined
  const held = new Promise<void>((resolve) => {
    go = resolve
  })
  const begun = new Promise<void>((resolve) => {
    engine.control.before = async ({ method }) => {
      if (method === "GET") return undefined
      resolve()
      await held
      return undefined
    }
  })
  return { begun, go: () => go() }
}

/** Docker takes no such name for an image. */
const UPPER_CASE: Hydrated = { ...TWO_LANS, deckies: [{ name: "x", image: "BusyBox:1", networks: [] }] }

describe("orders", () => {
  test("are answered as the contract says", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    await using _agent = await box.start()
    const applied = await box.apply(TWO_LANS, 3)
    expect([applied.status, applied.body]).toEqual([200, expect.objectContaining({ topology_id: "t1", generation: 3 })])
    expect((await box.apply(TWO_LANS, 3)).status).toBe(200)

    const older = await box.apply(TWO_LANS, 2)
    expect(older.headers["content-type"]).toBe("application/problem+json")
    expect([older.status, older.body]).toEqual([
      409,
      expect.objectContaining({
        type: "urn:cis490:problem:older-generation",
        status: 409,
        error: expect.any(String),
        generation: 3,
        your_generation: 2
      })
    ])
    const other = await box.apply({ ...TWO_LANS, topology: { id: "t2", name: "" } }, 4)
    expect([other.status, other.body]).toEqual([
      409,
      expect.objectContaining({ applied_topology_id: "t1", your_topology_id: "t2" })
    ])
    for (const body of [
      "{",
      "[]",
      { hydrated: TWO_LANS, version_hash: "0".repeat(64), generation: 4 },
      { hydrated: { ...TWO_LANS, extra: 1 }, version_hash: hashOf(TWO_LANS), generation: 4 },
      { hydrated: TWO_LANS, version_hash: hashOf(TWO_LANS), generation: -1 },
      { hydrated: UPPER_CASE, version_hash: hashOf(UPPER_CASE), generation: 4 }
    ]) {
      expect((await box.request("POST", "/topology/apply", body)).status).toBe(400)
    }
    expect(await box.state()).toMatchObject({ generation: 3 })
    const unknown: Hydrated = { ...TWO_LANS, deckies: [{ name: "x", image: "missing:1", networks: [] }] }
    const missing = await box.apply(unknown, 4)
    expect([missing.status, missing.body["type"]]).toEqual([400, "urn:cis490:problem:invalid-topology"])
    expect(await box.state()).toMatchObject({ applied_version_hash: hashOf(TWO_LANS), generation: 4, last_error: null })

    expect((await box.teardown("t1", 2)).status).toBe(409)
    for (let i = 0; i < 2; i++) expect((await box.teardown("t1", 5)).status).toBe(200)
    expect(await box.state()).toMatchObject({ topology_id: null, applied_version_hash: null, generation: 5 })
    expect((await box.request("POST", "/topology/teardown", { topology_id: "t1" })).status).toBe(400)
    expect((await box.request("DELETE", "/topology/state")).headers.allow).toBe("GET")
    expect((await box.request("GET", "/nothing")).status).toBe(404)
  })

  test("heed a table that was agreed upon and made by another program", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    fs.mkdirSync(box.directory, { recursive: true })
    const theirs = new DatabaseSync(box.database)
    theirs.exec(
      "CREATE TABLE applied_topology (topology_id TEXT PRIMARY KEY, applied_version_hash TEXT, hydrated_blob_json TEXT, applied_at INTEGER, last_error TEXT)"
    )
    theirs.exec("INSERT INTO applied_topology VALUES ('t0', 'ab', '{}', 1800000000, NULL)")
    theirs.close()
    await using _agent = await box.start()
    expect(await box.state()).toMatchObject({ topology_id: "t0", applied_version_hash: "ab", generation: 0 })
    const other = await box.apply(TWO_LANS)
    expect([other.status, other.body["applied_topology_id"]]).toEqual([409, "t0"])
    expect(engine.changes()).toEqual([])
  })

  test("leave a decky on no network as it is when they come again", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    await using _agent = await box.start()
    const alone: Hydrated = { ...TWO_LANS, deckies: [{ name: "alone", image: "busybox", networks: [] }] }
    expect((await box.apply(alone)).status).toBe(200)
    const { length } = engine.changes()
    expect((await box.apply(alone)).status).toBe(200)
    expect(engine.changes().slice(length)).toEqual([])
  })

  test("fail with the reason where the engine is away, and that is kept for the master", async () => {
    using box = makeAgentBox("/nonexistent/docker.sock")
    await using _agent = await box.start()
    const { body, status } = await box.apply(TWO_LANS)
    expect([status, body["type"]]).toEqual([500, "urn:cis490:problem:apply-failed"])
    expect(body["error"]).toContain("no engine answers at /nonexistent/docker.sock")
    expect(await box.state()).toMatchObject({
      topology_id: "t1",
      applied_version_hash: "",
      last_error: body["error"],
      observed: { error: expect.stringContaining("no engine answers") }
    })
  })

  test("are obeyed one after the other", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    await using _agent = await box.start()
    let busy = 0
    let most = 0
    engine.control.before = async ({ method }) => {
      if (method === "GET") return undefined
      most = Math.max(most, ++busy)
      await new Promise((resolve) => setImmediate(resolve))
      busy--
      return undefined
    }
    const smaller = { ...TWO_LANS, deckies: TWO_LANS.deckies.slice(1) }
    const replies = await Promise.all([
      box.apply(TWO_LANS, 1),
      box.apply(smaller, 1),
      box.apply(TWO_LANS, 1),
      box.teardown("t1", 1),
      box.apply(smaller, 1)
    ])
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(most).toBe(1)
    const names = [...engine.containers.values()].map(({ Names }) => Names[0])
    const { applied_version_hash: hash } = await box.state()
    expect(names.length).toBe(hash === null ? 0 : hash === hashOf(TWO_LANS) ? 2 : 1)
  })

  test("are carried out although the client is gone", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket, { listen: "127.0.0.1:0" })
    await using agent = await box.start()
    const port = Number(/listening address=127\.0\.0\.1:(\d+)/.exec(agent.stderr())?.[1])
    const { begun, go } = holdChanges(engine)
    const body = JSON.stringify({ hydrated: TWO_LANS, version_hash: hashOf(TWO_LANS), generation: 1 })
    const client = net.connect(port, "127.0.0.1")
    client.on("error", () => undefined)
    client.write(
      `POST /topology/apply HTTP/1.1\r\nhost: a\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    )
    await begun
    expect(await box.run(["state", "--json"])).toMatchObject({ code: 1, stdout: expect.stringContaining('"applying"') })
    client.resetAndDestroy()
    // By then it has seen that.
    await untilRunning(agent, () => agent.stderr().includes("nobody waits for the answer"))
    go()
    await until(() => engine.changes().length === 7)
    const state = async () => JSON.parse((await box.run(["state", "--json"])).stdout)
    let found = await state()
    while (found.last_error === "applying") found = await state()
    expect(found).toMatchObject({ applied_version_hash: hashOf(TWO_LANS), last_error: null })
    expect(engine.containers.size).toBe(2)
  })

  test("that two agents with one memory get are not mixed", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    using second = makeAgentBox(engine.socket, { tables: { agent: { dir: box.directory } } })
    await using _one = await box.start()
    await using _two = await second.start()
    const { begun, go } = holdChanges(engine)
    const first = box.apply(TWO_LANS)
    await begun
    const refused = await second.apply(TWO_LANS)
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"])
    go()
    expect((await first).status).toBe(200)
    expect((await second.apply(TWO_LANS)).status).toBe(200)
  })

  test("cut off by SIGTERM leave the truth behind", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    await using agent = await box.start()
    const begun = new Promise<void>((resolve) => {
      engine.control.before = async ({ method }) => {
        if (method === "GET") return undefined
        resolve()
        return new Promise(() => undefined)
      }
    })
    const answer = box.apply(TWO_LANS).catch(() => undefined)
    await begun
    const { code, signal } = await agent.stop("SIGTERM")
    expect([code, signal]).toEqual([0, null])
    await answer
    const { stdout } = await box.run(["state", "--json"])
    expect(JSON.parse(stdout)).toMatchObject({ topology_id: "t1", applied_version_hash: "", last_error: "applying" })
  })
})

describe("who may give orders", () => {
  test("has to show the token, for everything but /health", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket)
    const file = join(box.home, "token")
    fs.writeFileSync(file, "agent-token\n")
    box.configure({ auth: { bearer_token_file: file } })
    await using _agent = await box.start()
    expect((await box.request("GET", "/health")).status).toBe(200)
    for (const headers of [{}, { authorization: "Bearer host-token" }, { authorization: "agent-token" }]) {
      for (const [method, path] of [
        ["GET", "/topology/state"],
        ["POST", "/topology/apply"],
        ["POST", "/topology/teardown"]
      ] as const) {
        const { headers: answered, status } = await box.request(method, path, undefined, headers)
        expect([status, answered["x-cis490-problem"]]).toEqual([401, "unauthenticated"])
      }
    }
    expect(engine.asked).toEqual([])
    const good = { authorization: "Bearer agent-token" }
    expect((await box.request("GET", "/topology/state", undefined, good)).status).toBe(200)
    fs.writeFileSync(file, "a-newer-token\n")
    expect((await box.request("GET", "/topology/state", undefined, good)).status).toBe(401)
  })

  test("has to have a certificate of the authority, with the name that is asked for", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket, { listen: "127.0.0.1:0" })
    const lab = makeAuthority()
    const write = (name: string, text: string): string => {
      fs.writeFileSync(join(box.home, name), text)
      return join(box.home, name)
    }
    const server = lab.issue({ cn: "agent", dns: ["localhost"], use: "server" })
    box.configure({
      tls: {
        cert: write("cert.pem", server.cert),
        key: write("key.pem", server.key),
        client_ca: write("ca.pem", lab.cert),
        client_names: ["collector.wg"]
      }
    })
    await using agent = await box.start()
    const port = Number(/listening address=127\.0\.0\.1:(\d+)/.exec(agent.stderr())?.[1])
    const state = async (trust: { readonly cert?: string; readonly key?: string }) =>
      (await sendSecurely(port, { ca: lab.cert, ...trust }, { method: "GET", path: "/topology/state" })).status
    expect(await state({})).toBe(401)
    expect(await state(lab.issue({ cn: "lab-2", use: "client" }))).toBe(403)
    expect(await state(makeAuthority("another").issue({ cn: "collector.wg", use: "client" }))).toBe(403)
    expect(await state(lab.issue({ cn: "x", dns: ["collector.wg"], use: "client" }))).toBe(200)
  })

  test("is said before the agent listens where others can come: else it does not start", async () => {
    using box = makeAgentBox("/nonexistent", { listen: "0.0.0.0:0" })
    const { code, stderr } = await box.run(["run"])
    expect(code).toBe(2)
    expect(stderr).toContain("nothing says who may give orders")
    box.configure({ auth: { bearer_token_file: join(box.home, "missing") } })
    const missing = await box.run(["run"])
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("is missing")])
    box.configure({ auth: { bearer_token: "t" } })
    await using _agent = await box.start()
  })
})

describe("the heartbeat", () => {
  const startMaster = async () => {
    const beats: Array<{ readonly authorization: string | undefined; readonly body: Record<string, unknown> }> = []
    const server = http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.once("end", () => {
        expect([request.method, request.url]).toEqual(["POST", "/v1/heartbeat"])
        beats.push({
          authorization: request.headers.authorization,
          body: JSON.parse(Buffer.concat(chunks).toString())
        })
        response.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
    return {
      beats,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      [Symbol.asyncDispose]: () => {
        server.closeAllConnections()
        return new Promise<void>((resolve) => server.close(() => resolve()))
      }
    }
  }

  test("reaches the master with the host's token, and says what /topology/state says", async () => {
    await using engine = await startStandInEngine()
    await using master = await startMaster()
    using box = makeAgentBox(engine.socket, {
      pulse: 0.05,
      tables: { master: { url: master.url, bearer_token: "host-token" } }
    })
    await using agent = await box.start()
    await box.apply(TWO_LANS)
    const seen = master.beats.length
    await untilRunning(agent, () => master.beats.length > seen + 2)
    expect(master.beats.at(-1)).toEqual({
      authorization: "Bearer host-token",
      body: { host_id: "lab-1", agent_version: expect.any(String), topology: await box.state() }
    })
    // Two networks, two containers, one of them connected to the second, both started.
    expect(engine.changes().length).toBe(7)
  })

  test("of an agent that the master cannot be reached from is one line", async () => {
    await using engine = await startStandInEngine()
    using box = makeAgentBox(engine.socket, { pulse: 0.05 })
    await using agent = await box.start()
    await until(() => engine.asked.length > 20)
    const lines = agent
      .stderr()
      .split("\n")
      .filter((line) => line.includes("heartbeat") || line.includes("master"))
    expect(lines.length).toBe(1)
    expect(lines[0]).toContain("the master cannot be told how this host is")
    expect((await ask(box.socket, "GET", "/health")).status).toBe(200)
  })
})

test("the service manager is told when it is ready, what it remembers, that it gets on, and that it stops", async () => {
  await using engine = await startStandInEngine()
  using box = await populated(engine)
  const address = join(box.home, "notify")
  const manager = listenForDatagrams(address)
  try {
    const heard: Array<string> = []
    const hear = () => {
      for (let said = manager.take(); said !== undefined; said = manager.take()) heard.push(said)
      return heard
    }
    const program = box.launch(["run"], { env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "100000" } })
    await untilRunning(program, () => hear().filter((said) => said === "WATCHDOG=1").length > 3)
    expect(heard.slice(0, 2)).toEqual(["READY=1", "STATUS=waiting for the master; t1 was applied last"])
    expect(engine.counted.connections).toBe(0)
    await box.teardown("t1")
    await untilRunning(program, () => hear().includes("STATUS=waiting for the master; nothing is applied"))
    await program.stop("SIGTERM")
    expect(hear().at(-1)).toBe("STOPPING=1")
  } finally {
    manager.close()
  }
})

describe("the command line", () => {
  test("ends with 2 and words for a configuration that cannot be used", async () => {
    using box = makeAgentBox("/nonexistent")
    fs.writeFileSync(join(box.home, "agent.toml"), 'host_id = "lab-1"\nlisten = "x"\n[dcoker]\n[agent]\npath = "/x"\n')
    const { code, stderr } = await box.run(["run"])
    expect(code).toBe(2)
    for (const words of [
      "listen: found",
      "agent.path: found a key that is not known",
      "master.url: found nothing",
      "docker"
    ])
      expect(stderr).toContain(words)
  })

  test("says by doctor what is wrong and what mends it", async () => {
    await using engine = await startStandInEngine()
    using box = await populated(engine)
    await using _agent = await box.start()
    const tools = makeFakeTools(box.home)
    const rows = async () => {
      const { code, stdout } = await box.run(["doctor", "--json"], { env: { PATH: tools.path } })
      const all: ReadonlyArray<Record<string, string>> = JSON.parse(stdout)
      return { code, of: (check: string) => all.find((row) => row["check"] === check) }
    }
    const well = await rows()
    for (const check of ["config", "directory", "auth", "agent", "engine", "drift"]) {
      expect(well.of(check)?.["state"], check).toBe("green")
    }
    expect(well.of("master")).toMatchObject({
      state: "red",
      found: expect.stringContaining("ECONNREFUSED"),
      mend: "sudo systemctl start cis490-receiver  # on 127.0.0.1"
    })
    engine.containers.clear()
    expect((await rows()).of("drift")).toMatchObject({
      state: "red",
      found: expect.stringContaining("missing: decnet-topology-t1-web"),
      mend: expect.stringContaining("cis490-receiver topology")
    })
    expect(engine.changes()).toEqual([])
    box.configure({ docker: { socket: "/nonexistent/docker.sock" } })
    const without = await rows()
    const config = join(box.home, "agent.toml")
    expect([without.code, without.of("engine")?.["state"]]).toEqual([1, "red"])
    expect(without.of("engine")?.["mend"]).toBe(`sudoedit ${config}`)
    tools.unit({ LoadState: "not-found", ActiveState: "inactive" })
    fs.writeFileSync(box.database, "no database".repeat(100))
    const bare = await rows()
    expect(bare.of("service")?.["mend"]).toBe("sudo /opt/cis490/scripts/install-agent.sh")
    expect(bare.of("drift")?.["mend"]).toBe(`sudo cis490-agent state --config ${config}`)
  })
})
