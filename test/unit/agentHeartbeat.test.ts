import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { heartbeats, Pulse } from "../../src/agent/heartbeat.ts"
import { Master, tell } from "../../src/agent/Master.ts"
import { topologyState } from "../../src/agent/state.ts"
import { TokenError } from "../../src/token.ts"
import { HOST, layerGround, makeMemory } from "../support/agent.ts"
import { makeSimulatedEngine } from "../support/simulatedEngine.ts"

const INTERVAL = 30

type Answer = number | "refused" | "never"

const makeWorld = () => {
  const engine = makeSimulatedEngine()
  const memory = makeMemory()
  const beats: Array<{ readonly at: number; readonly authorization: string | undefined; readonly said: unknown }> = []
  const lines: Array<string> = []
  const control = {
    answer: 204 as Answer,
    token: Effect.succeed(Redacted.make("host-token")) as Master["Service"]["token"]
  }

  const answer = (request: HttpClientRequest) => {
    if (control.answer === "never") return Effect.never
    if (control.answer === "refused") {
      const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
      return Effect.fail(
        new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
      )
    }
    const body =
      control.answer === 204
        ? null
        : JSON.stringify({
            error: "this host is not known here",
            remediation: "set receiver.url in lab-host.toml, or [fleet.x] in receiver.toml"
          })
    return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status: control.answer })))
  }
  const client = HttpClient.make((request) =>
    Effect.gen(function* () {
      const { body, headers } = request
      beats.push({
        at: yield* Clock.currentTimeMillis,
        authorization: headers["authorization"],
        said: body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(body.body)) : undefined
      })
      return yield* answer(request)
    })
  )
  const layer = Layer.mergeAll(
    layerGround(engine, memory),
    Layer.succeed(HttpClient.HttpClient, client),
    Layer.succeed(Pulse, { intervalSeconds: INTERVAL }),
    Layer.succeed(Master, { url: "https://master", token: Effect.suspend(() => control.token) }),
    Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  )
  const start = Effect.forkChild(Effect.provide(Random.withSeed(heartbeats, "agent"), layer))
  return { beats, control, engine, layer, lines, memory: memory.now, start }
}

describe("the heartbeat", () => {
  it.effect("comes every interval or so, and not as soon as the agent starts", () =>
    Effect.gen(function* () {
      const { beats, engine, start } = makeWorld()
      yield* start
      yield* TestClock.adjust("14 seconds")
      expect([beats.length, engine.calls.length]).toEqual([0, 0])
      yield* TestClock.adjust("1 hour")
      expect(Math.abs(beats.length - 3600 / INTERVAL)).toBeLessThanOrEqual(5)
      const gaps = beats.slice(1).map(({ at }, i) => at - (beats[i]?.at ?? 0))
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9 * INTERVAL * 1000)
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1.1 * INTERVAL * 1000)
      expect(new Set(gaps).size).toBeGreaterThan(50)
    })
  )

  it.effect("says who it is, what is remembered and what is there, and only looks", () =>
    Effect.gen(function* () {
      const { beats, engine, layer, memory, start } = makeWorld()
      memory.row = {
        topology_id: "t1",
        applied_version_hash: "ab",
        applied_at: 1,
        last_error: null,
        generation: 4
      }
      const labels = {
        "decnet.host": HOST,
        "decnet.topology": "t1",
        "decnet.name": "web",
        "decnet.definition": "d"
      }
      const networkId = engine.addNetwork({ name: "n", labels, subnets: [] })
      engine.addContainer({ name: "c", labels, image: "i", state: "exited", attachments: [{ networkId }] })
      engine.addContainer({ name: "theirs", labels: {}, image: "i", state: "running", attachments: [] })
      yield* start
      yield* TestClock.adjust("31 seconds")
      expect(beats[0]?.authorization).toBe("Bearer host-token")
      expect(beats[0]?.said).toEqual({
        host_id: "lab-1",
        agent_version: "0",
        topology: yield* Effect.provide(topologyState, layer)
      })
      expect(beats[0]?.said).toMatchObject({
        topology: {
          topology_id: "t1",
          generation: 4,
          observed: {
            bridges: [{ name: "n", topology_id: "t1" }],
            containers: [{ name: "c", topology_id: "t1", state: "exited", networks: ["n"] }]
          }
        }
      })
      expect(engine.changes()).toEqual([])
    })
  )

  it.effect("outlives an hour without the master with one line, and says when it is back", () =>
    Effect.gen(function* () {
      const { beats, control, lines, start } = makeWorld()
      yield* start
      yield* TestClock.adjust("5 minutes")
      expect(lines).toEqual([])
      for (const answer of ["refused", "never", 502, 503] as const) {
        control.answer = answer
        yield* TestClock.adjust("15 minutes")
      }
      expect(lines.length).toBe(1)
      expect(lines[0]).toContain("nobody listens there")
      expect(lines[0]).toContain("master.url")
      control.answer = 204
      const before = beats.length
      yield* TestClock.adjust("1 minute")
      expect(beats.length).toBeGreaterThan(before)
      expect(lines.slice(1)).toEqual(["the master takes our heartbeats again"])
    })
  )

  it.effect.each([403, 404])("is refused with %s for hours, and that is said once", (status) =>
    Effect.gen(function* () {
      const { control, lines, start } = makeWorld()
      control.answer = status
      yield* start
      yield* TestClock.adjust("6 hours")
      expect(lines.length).toBe(1)
      expect(lines[0]).toContain(
        `HTTP status ${status}: this host is not known here; to mend: set master.url in agent.toml, or [fleet.x] in receiver.toml;`
      )
    })
  )

  it.effect("reads no more of an answer than a master says", () =>
    Effect.gen(function* () {
      const [piece, pieces] = [new Uint8Array(64 * 1024), 100]
      let read = 0
      const long = new ReadableStream<Uint8Array>({
        pull: (controller) => (read++ < pieces ? controller.enqueue(piece) : controller.close())
      })
      const client = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(long, { status: 403 })))
      )
      const heard = yield* tell({
        host_id: HOST,
        agent_version: "0",
        topology: yield* Effect.provide(topologyState, makeWorld().layer)
      }).pipe(
        Effect.provideService(HttpClient.HttpClient, client),
        Effect.provideService(Master, { url: "https://master", token: Effect.undefined })
      )
      expect(heard).toEqual({ _tag: "Refused", words: "HTTP status 403: not in the master's own words" })
      expect(read).toBeLessThan(pieces)
    })
  )

  it.effect("goes on without a token that cannot be read, and with an engine that cannot be asked", () =>
    Effect.gen(function* () {
      const { beats, control, engine, lines, memory, start } = makeWorld()
      control.token = Effect.fail(new TokenError({ file: "/t", why: "is missing" }))
      yield* start
      yield* TestClock.adjust("2 minutes")
      expect(beats).toEqual([])
      expect(lines.length).toBe(1)
      expect(lines[0]).toContain("token file /t is missing")
      control.token = Effect.undefined
      engine.control.fate = () => "away"
      memory.row = { ...memory.row, last_error: null }
      yield* TestClock.adjust("1 minute")
      expect(beats.at(-1)).toMatchObject({
        authorization: undefined,
        said: { topology: { topology_id: null, observed: { error: "no engine answers" } } }
      })
    })
  )
})
