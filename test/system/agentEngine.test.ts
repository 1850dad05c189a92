/** The agent's program and a real Docker engine. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { objectName } from "../../src/domain/topology/objects.ts"
import { type AgentBox, makeAgentBox } from "../support/agentBox.ts"
import { IMAGE, startEngine, type TestEngine } from "../support/engine.ts"
import { type EngineProxy, type Passing, startEngineProxy } from "../support/engineProxy.ts"
import { hashOf } from "../support/topology.ts"

const SLEEP = ["sleep", "3600"] as const
const [WEB, INNER_WEB] = ["10.90.1.10", "10.90.2.10"]

/** Two LANs, `web` in both, one decky in each. */
const LAB: Hydrated = {
  topology: { id: "t1", name: "two LANs" },
  lans: [
    { name: "dmz", subnet: "10.90.1.0/24", is_dmz: true },
    { name: "inner", subnet: "10.90.2.0/24", is_dmz: false }
  ],
  deckies: [
    {
      name: "web",
      image: IMAGE,
      command: SLEEP,
      networks: [
        { lan: "dmz", ip: WEB },
        { lan: "inner", ip: INNER_WEB }
      ]
    },
    {
      name: "db",
      image: IMAGE,
      command: "exec nc -ll -p 5432 -e echo $GREETING",
      env: { GREETING: "hello=1" },
      networks: [{ lan: "inner" }]
    },
    { name: "mail", image: IMAGE, command: SLEEP, networks: [{ lan: "dmz" }] }
  ]
}
const [web, db, mail] = LAB.deckies
if (!web || !db || !mail) throw new Error("not there")
const NAMES = [web, db, mail].map(({ name }) => objectName("t1", name)).toSorted()
const name = (part: string): string => objectName("t1", part)

let engine: TestEngine
let proxy: EngineProxy
let box: AgentBox

beforeAll(async () => {
  engine = await startEngine()
  proxy = await startEngineProxy(engine.socket)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await engine?.[Symbol.asyncDispose]()
})
beforeEach(() => {
  proxy.reset()
  box = makeAgentBox(proxy.socket)
  return async () => {
    box[Symbol.dispose]()
    for (const { Id } of await engine.api.containers()) await engine.api.must("DELETE", `/containers/${Id}?force=1`)
    for (const { Id, Name } of await engine.api.networks()) {
      if (!["none", "host"].includes(Name)) await engine.api.must("DELETE", `/networks/${Id}`)
    }
  }
})

/** What the engine has: names of networks beside its own, and of containers with how they are. */
const present = async () => ({
  networks: (await engine.api.networks())
    .map(({ Name }) => Name)
    .filter((each) => !["none", "host"].includes(each))
    .toSorted(),
  containers: (await engine.api.containers()).map(({ Names, State }) => `${Names[0]?.slice(1)} ${State}`).toSorted()
})
const ALL = {
  networks: [name("dmz"), name("inner")],
  containers: NAMES.map((each) => `${each} running`)
}
const NOTHING = { networks: [], containers: [] }

const idOf = async (container: string): Promise<string | undefined> =>
  (await engine.api.containers()).find(({ Names }) => Names.includes(`/${container}`))?.Id

const pings = async (from: string, address: string): Promise<boolean> =>
  (await engine.api.exec(name(from), "ping", "-c", "1", "-W", "1", address)).code === 0

const expectReachability = async () => {
  expect(await pings("db", INNER_WEB)).toBe(true)
  expect(await pings("mail", WEB)).toBe(true)
  expect(await pings("web", "db")).toBe(true)
  expect((await engine.api.exec(name("web"), "nc", "-w", "2", "db", "5432")).said).toBe("hello=1\n")
  const mailAddress = "10.90.1.2"
  expect(await pings("web", mailAddress)).toBe(true)
  expect(await pings("db", mailAddress)).toBe(false)
  expect(await pings("db", WEB)).toBe(false)
  const dbAddress = "10.90.2.2"
  expect(await pings("web", dbAddress)).toBe(true)
  expect(await pings("mail", dbAddress)).toBe(false)
  expect((await engine.api.exec(name("mail"), "nc", "-w", "2", dbAddress, "5432")).said).not.toContain("hello")
}

const applied = { topology_id: "t1", applied_version_hash: hashOf(LAB), last_error: null }

test("two LANs and a decky in both: reachable inside a LAN and not across; then torn down", async () => {
  await using _agent = await box.start()
  expect((await box.apply(LAB)).status).toBe(200)
  expect(await present()).toEqual(ALL)
  expect((await engine.api.networks()).filter(({ Internal }) => Internal).map(({ Name }) => Name)).toEqual([
    name("inner")
  ])
  await expectReachability()
  expect(await box.state()).toMatchObject({
    ...applied,
    observed: {
      bridges: expect.arrayContaining([{ name: name("dmz"), topology_id: "t1" }]),
      containers: expect.arrayContaining([
        { name: name("web"), topology_id: "t1", state: "running", networks: [name("dmz"), name("inner")] }
      ])
    }
  })
  const changes = proxy.changes().length
  expect((await box.apply(LAB)).status).toBe(200)
  expect(proxy.changes().length).toBe(changes)
  for (let i = 0; i < 2; i++) expect((await box.teardown("t1", 2)).status).toBe(200)
  expect(await present()).toEqual(NOTHING)
})

test("a new version changes only what differs", async () => {
  await using _agent = await box.start()
  await box.apply(LAB)
  const before = await Promise.all(NAMES.map(idOf))
  const next: Hydrated = {
    ...LAB,
    lans: [...LAB.lans, { name: "lab", subnet: "10.90.3.0/28", is_dmz: false }],
    deckies: [
      { name: "new", image: IMAGE, command: SLEEP, networks: [{ lan: "dmz" }, { lan: "lab" }] },
      web,
      { ...db, env: { GREETING: "hello=2" } },
      mail
    ]
  }
  expect((await box.apply(next, 2)).status).toBe(200)
  const after = await Promise.all(NAMES.map(idOf))
  expect(NAMES.filter((_, at) => before[at] !== after[at])).toEqual([name("db")])
  expect((await present()).networks).toEqual([name("dmz"), name("inner"), name("lab")])
  expect(await pings("new", WEB)).toBe(true)
  expect((await box.apply(LAB, 3)).status).toBe(200)
  expect(await present()).toEqual(ALL)
  await expectReachability()
})

test("a failure half-way is undone and said; what stays is said too", async () => {
  await using _agent = await box.start()
  const broken: Hydrated = { ...LAB, deckies: [web, { ...mail, command: ["/nonexistent"] as const }] }
  const { body, status } = await box.apply(broken)
  expect([status, await present()]).toEqual([500, NOTHING])
  expect(body["error"]).toMatch(
    /starting the container decnet-topology-t1-mail: .*nonexistent.*; nothing of it is left/s
  )
  expect(await box.state()).toMatchObject({ topology_id: "t1", applied_version_hash: "", last_error: body["error"] })
  expect((await box.apply(LAB, 2)).status).toBe(200)
  const again = await box.apply({ ...LAB, deckies: [web, { ...mail, command: ["/nonexistent"] as const }] }, 3)
  expect(again.status).toBe(500)
  expect((await present()).containers).toEqual([`${name("web")} running`])
  expect(again.body["error"]).toContain(
    `left of it: network ${name("dmz")}, network ${name("inner")}, container ${name("web")}`
  )
})

test("what is not ours is in the way, and is never touched", async () => {
  await using _agent = await box.start()
  await engine.api.must("POST", "/networks/create", {
    Name: name("inner"),
    IPAM: { Config: [{ Subnet: "10.77.0.0/24" }] }
  })
  const named = await box.apply(LAB)
  expect([named.status, named.body["error"]]).toEqual([400, expect.stringContaining(`network ${name("inner")}`)])
  expect(await present()).toEqual({ networks: [name("inner")], containers: [] })
  expect(await box.state()).toMatchObject({ topology_id: null, generation: 1 })
  const overlapping: Hydrated = {
    topology: { id: "t2", name: "" },
    lans: [{ name: "a", subnet: "10.77.0.128/25", is_dmz: false }],
    deckies: [{ name: "x", image: "lab/unknown:1", networks: [{ lan: "a" }] }]
  }
  const { body, status } = await box.apply(overlapping)
  expect(status).toBe(400)
  expect(body["error"]).toContain(`overlaps with the engine's network ${name("inner")}`)
  expect(body["error"]).toContain("no image lab/unknown:1")
  expect((await box.teardown("t1", 1)).status).toBe(200)
  expect((await present()).networks).toEqual([name("inner")])
})

test("names as long and odd as they may be, and a decky without a network", async () => {
  await using _agent = await box.start()
  const long = `D_${"x.".repeat(30)}-9`
  const odd: Hydrated = {
    topology: { id: `T-${"i".repeat(62)}`, name: "" },
    lans: [{ name: long, subnet: "10.90.4.0/30", is_dmz: false }],
    deckies: [
      { name: long, image: IMAGE, command: SLEEP, networks: [{ lan: long }] },
      { name: "alone", image: IMAGE, command: SLEEP, env: null, networks: [] }
    ]
  }
  expect((await box.apply(odd)).body).toMatchObject({ last_error: null })
  expect((await present()).containers.length).toBe(2)
  expect((await box.apply(odd)).status).toBe(200)
  expect((await box.teardown(odd.topology.id)).status).toBe(200)
})

describe("nothing comes back by itself", () => {
  test("when the engine is killed and started again: what stood stands still, until the master asks", async () => {
    await using _agent = await box.start()
    await box.apply(LAB)
    await engine.kill()
    expect((await box.state())["observed"]).toEqual({ error: expect.stringContaining("engine") })
    await engine.start()
    expect((await present()).containers).toEqual(NAMES.map((each) => `${each} exited`))
    expect(await box.state()).toMatchObject(applied)
    proxy.reset()
    expect((await box.apply(LAB)).status).toBe(200)
    expect(new Set(proxy.changes().map(({ path }) => path.split("/").at(-1)))).toEqual(new Set(["start"]))
    expect(await present()).toEqual(ALL)
    await expectReachability()
  })

  test("when the host was rebooted and the engine has lost everything, the cache still being there", async () => {
    await (
      await (async () => {
        await using agent = await box.start()
        await box.apply(LAB)
        return agent
      })()
    ).ended
    await engine.wipe()
    await engine.start()
    await engine.importImages()
    proxy.reset()
    await using agent = await box.start()
    await box.request("GET", "/health")
    expect(proxy.control.connections).toBe(0)
    for (let i = 0; i < 10; i++) expect(await box.state()).toMatchObject(applied)
    expect([proxy.changes(), await present()]).toEqual([[], NOTHING])
    expect(agent.stderr()).toContain("t1 was applied last")
    expect((await box.apply(LAB)).status).toBe(200)
    await expectReachability()
  })
})

test("an engine that is killed in the middle of an apply: the state tells it, and the next apply mends it", async () => {
  await using _agent = await box.start()
  proxy.reset({
    before: async ({ path }) => {
      if (path.includes("/containers/create") && path.includes("db")) await engine.kill()
      return true
    }
  })
  const { body, status } = await box.apply(LAB)
  expect(status).toBe(500)
  expect(body["error"]).toContain("what is left of it cannot be told")
  expect(await box.state()).toMatchObject({ applied_version_hash: "", last_error: body["error"] })
  await engine.start()
  proxy.reset()
  expect((await box.apply(LAB)).status).toBe(200)
  expect(await present()).toEqual(ALL)
  await expectReachability()
})

describe("an agent that is killed at any step of an apply", () => {
  /** The calls of the apply until then. */
  const killedAt = async (n: number, when: "before" | "after"): Promise<ReadonlyArray<Passing>> => {
    const agent = await box.start()
    const stop = async (call: Passing): Promise<boolean> => {
      if (call.n !== n) return true
      await agent.stop("SIGKILL")
      return false
    }
    proxy.reset(when === "before" ? { before: stop } : { after: async (call) => void (await stop(call)) })
    await box.apply(LAB, 1).catch(() => undefined)
    const seen = [...proxy.seen]
    await agent.stop("SIGKILL")
    return seen
  }

  const expectMended = async (step: string) => {
    const left = await present()
    proxy.reset()
    await using _agent = await box.start()
    expect(proxy.control.connections, step).toBe(0)
    expect(await box.state(), step).toMatchObject({ applied_version_hash: "", last_error: "applying" })
    expect([proxy.changes(), await present()], step).toEqual([[], left])
    expect((await box.apply(LAB, 1)).status, step).toBe(200)
    expect(await present(), step).toEqual(ALL)
    expect(await pings("web", "db"), step).toBe(true)
    expect((await box.teardown("t1", 1)).status, step).toBe(200)
    expect(await present(), step).toEqual(NOTHING)
  }

  test.each([
    ["before", "the engine hears of it"],
    ["after", "the engine has done it"]
  ] as const)("%s %s: leaves the truth, touches nothing when it starts again, mends it when the master asks", async (when, _) => {
    const calls = await killedAt(0, "before")
    expect(calls.length).toBeGreaterThan(10)
    {
      await using _agent = await box.start()
      expect((await box.teardown("t1")).status).toBe(200)
    }
    for (const { method, n, path } of calls) {
      // Of what only looks it is the same before and after.
      if (when === "after" && method === "GET") continue
      const step = `${when} ${n}: ${method} ${path}`
      await killedAt(n, when)
      const { stdout } = await box.run(["state", "--json"])
      expect(JSON.parse(stdout), step).toMatchObject({
        topology_id: "t1",
        applied_version_hash: "",
        last_error: "applying",
        generation: 1
      })
      await expectMended(step)
    }
  })
})

test("the routes of the host: our own networks' are no obstacle, another's are", async () => {
  // As its unit has it, it sees nothing of /proc but processes.
  const restricted = 'mount -t proc -o subset=pid proc /proc && exec "$@"'
  const under = ["nsenter", `--net=${engine.networkNamespace()}`, "unshare", "--mount", "sh", "-c", restricted, "sh"]
  await using _agent = await box.start({ under })
  expect((await box.apply(LAB)).status).toBe(200)
  const again = { ...LAB, deckies: [web, { ...db, env: { GREETING: "hello=2" } }, mail] }
  expect((await box.apply(again, 2)).body).toMatchObject({ last_error: null })
  expect((await box.teardown("t1", 3)).status).toBe(200)
  await engine.inNetwork("ip route add 10.90.0.0/20 dev lo")
  try {
    const { body, status } = await box.apply(LAB, 4)
    expect(status).toBe(400)
    expect(body["error"]).toContain("a route of this host, by lo (10.90.0.0/20)")
    expect(await present()).toEqual(NOTHING)
  } finally {
    await engine.inNetwork("ip route delete 10.90.0.0/20 dev lo")
  }
  expect((await box.apply(LAB, 4)).status).toBe(200)
})
