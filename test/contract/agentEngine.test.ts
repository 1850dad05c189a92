import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import * as DockerEngine from "../../layers/Engine.ts"
import { prefixFor } from "../../layers/engine/version.ts"
import * as Transport from "../../layers/Transport.ts"
import { Engine, EngineHands, Engines } from "../../src/services/Engine.ts"
import { startStandInEngine } from "../support/standInEngine.ts"

const layerAt = (socket: string) =>
  Layer.unwrap(Effect.map(Engines, (engines) => engines.at(socket))).pipe(
    Layer.provide(DockerEngine.layerDocker),
    Layer.provide(Transport.layerUndici)
  )

const asking = <A, E>(socket: string, question: Effect.Effect<A, E, Engine | EngineHands>) =>
  Effect.runPromise(Effect.result(Effect.provide(question, layerAt(socket))))

const containers = Effect.flatMap(Engine, (engine) => engine.containers)
const remove = (id: string) => Effect.flatMap(EngineHands, (hands) => hands.removeContainer(id))
const start = (id: string) => Effect.flatMap(EngineHands, (hands) => hands.startContainer(id))

const failure = <A, E>(result: Result.Result<A, E>): E => {
  if (Result.isFailure(result)) return result.failure
  throw new Error("it did not fail")
}

describe("Docker, as it answers", () => {
  it("is not asked before the first question", async () => {
    await using engine = await startStandInEngine()
    await asking(engine.socket, Effect.void)
    expect(engine.counted.connections).toBe(0)
  })

  it.each([
    ["refused", 500, { message: "no space left on device" }, "no space left on device"],
    ["refused", 409, { message: "removal is already in progress" }, "already in progress"],
    ["refused", 502, undefined, "HTTP status 502"]
  ] as const)("%s with %s: its own words are given on", async (why, status, body, words) => {
    await using engine = await startStandInEngine()
    engine.control.before = async ({ path }) => (path === "/version" ? undefined : { status, ...(body && { body }) })
    const trouble = failure(await asking(engine.socket, remove("c1")))
    expect(trouble.why).toBe(why)
    expect(trouble.message).toContain(words)
  })

  it("says that something is gone already, or runs already: that is well", async () => {
    await using engine = await startStandInEngine()
    expect(Result.isSuccess(await asking(engine.socket, remove("gone")))).toBe(true)
    engine.control.before = async ({ path }) => (path.endsWith("/start") ? { status: 304 } : undefined)
    expect(Result.isSuccess(await asking(engine.socket, start("c1")))).toBe(true)
    engine.control.before = async ({ path }) => (path.endsWith("/start") ? { status: 404, body: {} } : undefined)
    expect(failure(await asking(engine.socket, start("c1"))).why).toBe("refused")
  })

  it("has no image of a name that it does not take", async () => {
    await using engine = await startStandInEngine()
    const hasImage = (reference: string) => Effect.flatMap(Engine, (engine) => engine.hasImage(reference))
    expect(await asking(engine.socket, hasImage("there:1"))).toEqual(Result.succeed(true))
    expect(await asking(engine.socket, hasImage("missing:1"))).toEqual(Result.succeed(false))
    engine.control.before = async ({ path }) =>
      path.startsWith("/images/") ? { status: 400, body: { message: "invalid reference format" } } : undefined
    expect(await asking(engine.socket, hasImage("x"))).toEqual(Result.succeed(false))
  })

  it("lists the network none for a container that is on no network: it is no attachment", async () => {
    await using engine = await startStandInEngine()
    const order = { name: "alone", labels: {}, image: "i", hostname: "alone", environment: {} }
    await asking(
      engine.socket,
      Effect.flatMap(EngineHands, (hands) => hands.createContainer(order))
    )
    expect([...engine.containers.values()].map((each) => Object.keys(each.NetworkSettings.Networks))).toEqual([
      ["none"]
    ])
    expect(Result.getOrThrow(await asking(engine.socket, containers))).toMatchObject([{ attachments: [] }])
  })

  it("lists what is half gone with nothing but its id: the others are seen all the same", async () => {
    await using engine = await startStandInEngine()
    const dead = { Id: "d", Names: null, Image: "", State: "dead", Labels: null, NetworkSettings: null }
    const leaving = { Id: "l", Image: "i", State: "removing", NetworkSettings: { Networks: { web: null } } }
    const alive = { ...dead, Id: "a", Names: ["/a"], Image: "i", State: "running" }
    const half = { Id: "n", Name: "net", Labels: null, IPAM: { Config: null } }
    engine.control.before = async ({ path }) => {
      if (path === "/version") return undefined
      return { status: 200, body: path === "/networks" ? [half, { Id: "m", Name: "m" }] : [dead, leaving, alive] }
    }
    const seen = Result.getOrThrow(await asking(engine.socket, containers))
    expect(seen.map(({ attachments, labels, name, state }) => [name, state, labels, attachments])).toEqual([
      ["", "dead", {}, []],
      ["", "removing", {}, []],
      ["a", "running", {}, []]
    ])
    const networks = Effect.flatMap(Engine, (each) => each.networks)
    expect(Result.getOrThrow(await asking(engine.socket, networks)).map(({ name }) => name)).toEqual(["net", "m"])
  })

  it("is away: no socket, nobody behind it, no engine behind it", async () => {
    await using engine = await startStandInEngine()
    const directory = fs.mkdtempSync(join(engine.socket, "../x-"))
    expect(failure(await asking(join(directory, "none.sock"), containers))).toMatchObject({
      why: "away",
      message: expect.stringContaining("docker.socket in agent.toml")
    })
    engine.control.before = async () => ({ status: 200, body: { hello: "world" } })
    expect(failure(await asking(engine.socket, containers)).message).toContain("no Docker engine")
  })

  it("cuts the connection: a question was not answered, of a change it is unclear what became of it", async () => {
    await using engine = await startStandInEngine()
    engine.control.before = async ({ path }) => {
      if (path !== "/version") engine.cut()
      return undefined
    }
    expect(failure(await asking(engine.socket, containers)).why).toBe("away")
    expect(failure(await asking(engine.socket, start("c1"))).why).toBe("unclear")
  })
})

describe("the version of the API", () => {
  it.each([
    [{ ApiVersion: "1.41", MinAPIVersion: "1.12" }, "/v1.41"],
    [{ ApiVersion: "1.51", MinAPIVersion: "1.24" }, "/v1.44"],
    [{ ApiVersion: "1.60", MinAPIVersion: "1.48" }, "/v1.48"],
    [{ Version: "x" }, ""],
    [{ ApiVersion: 7 }, ""],
    [null, ""]
  ])("of %j is %j", (body, prefix) => expect(prefixFor(body)).toBe(prefix))

  it("is learned once, and anew from an engine that was replaced", async () => {
    await using engine = await startStandInEngine()
    let version = "1.41"
    engine.control.before = async ({ path, version: asked }) => {
      if (path === "/version") return { status: 200, body: { ApiVersion: version, MinAPIVersion: version } }
      const words = `client version ${asked} is too old. Minimum supported API version is ${version}`
      return asked === version ? undefined : { status: 400, body: { message: words } }
    }
    const question = Effect.gen(function* () {
      yield* containers
      yield* containers
      version = "1.52"
      yield* containers
    })
    expect(Result.isSuccess(await asking(engine.socket, question))).toBe(true)
    expect(engine.asked.map(({ path, version }) => [path, version])).toEqual([
      ["/version", ""],
      ["/containers/json", "1.41"],
      ["/containers/json", "1.41"],
      ["/containers/json", "1.41"],
      ["/version", ""],
      ["/containers/json", "1.52"]
    ])
  })
})
