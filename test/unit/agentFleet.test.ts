/** The real master's loop and real agents on the virtual clock, each agent with an engine in memory; only the wire between them is played. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Auth from "../../src/agent/auth.ts"
import { heartbeats, Pulse } from "../../src/agent/heartbeat.ts"
import { Master } from "../../src/agent/Master.ts"
import { app } from "../../src/agent/routes.ts"
import { Turn } from "../../src/agent/turn.ts"
import { HostId } from "../../src/domain/names.ts"
import { judgeAnswer } from "../../src/domain/topology/answer.ts"
import { containersOf } from "../../src/domain/topology/objects.ts"
import type { Command } from "../../src/domain/topology/plan.ts"
import { agentPath, Heartbeat } from "../../src/domain/topology/wire.ts"
import * as Fatal from "../../src/receiver/Fatal.ts"
import { Agents } from "../../src/receiver/master/Agents.ts"
import type { Book } from "../../src/receiver/master/book.ts"
import { Commanding } from "../../src/receiver/master/command.ts"
import { hear } from "../../src/receiver/master/hear.ts"
import { layerOver } from "../../src/receiver/master/layerMaster.ts"
import { Notify } from "../../src/services/Notify.ts"
import { type Order, Orders } from "../../src/services/Orders.ts"
import { layerGround, makeMemory } from "../support/agent.ts"
import { layerSync } from "../support/codecSync.ts"
import { makeSimulatedEngine } from "../support/simulatedEngine.ts"
import { called, hashOf, TWO_LANS } from "../support/topology.ts"

const decodeHeartbeat = Schema.decodeUnknownEffect(Heartbeat)

const requestOf = (command: Command, generation: number): Request => {
  const [path, body] =
    command._tag === "Apply"
      ? [agentPath.apply, { hydrated: command.hydrated, version_hash: command.versionHash, generation }]
      : [agentPath.teardown, { topology_id: command.topologyId, generation }]
  return new Request(`http://agent${path}`, { method: "POST", body: JSON.stringify(body) })
}

const makeHost = (name: string) => {
  const hostId = HostId.make(name)
  const engine = makeSimulatedEngine()
  engine.images.add("busybox:latest")
  const memory = makeMemory()
  const control = { up: true, told: 0, underWay: 0 }
  const ground = Layer.mergeAll(
    layerGround(engine, memory, undefined, hostId),
    Layer.succeed(Turn, { take: (order) => order }),
    Layer.succeed(Notify, { send: () => Effect.void, watchdogMillis: undefined }),
    Auth.layer({ token: Effect.undefined, certificates: undefined }).pipe(Layer.provide(layerSync))
  )

  const obey = Effect.fnUntraced(function* (command: Command, generation: number) {
    const request = HttpServerRequest.fromWeb(requestOf(command, generation))
    const response = yield* Effect.scoped(
      Effect.provideService(Effect.provide(app, ground), HttpServerRequest.HttpServerRequest, request)
    )
    const text = yield* Effect.promise(() => HttpServerResponse.toWeb(response).text())
    return judgeAnswer(response.status, JSON.parse(text))
  })

  /** Its heartbeats go to whoever hears them. */
  const live = Effect.gen(function* () {
    const context = yield* Effect.context<Book>()
    const client = HttpClient.make(
      Effect.fnUntraced(function* (request) {
        if (!control.up) return yield* Effect.never
        const text = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        yield* decodeHeartbeat(JSON.parse(text)).pipe(
          Effect.flatMap(hear),
          Effect.orDie,
          Effect.provideContext(context)
        )
        return HttpClientResponse.fromWeb(request, new Response(null, { status: 204 }))
      })
    )
    const wire = Layer.mergeAll(
      ground,
      Layer.succeed(HttpClient.HttpClient, client),
      Layer.succeed(Master, { url: "http://master", token: Effect.undefined }),
      Layer.succeed(Pulse, { intervalSeconds: 30 })
    )
    yield* Effect.forkChild(Effect.provide(heartbeats, wire))
  })
  const states = () => [...engine.containers.values()].map((each) => `${each.name} ${each.state}`).toSorted()
  return { hostId, engine, memory: memory.now, control, obey, live, states }
}
type Host = ReturnType<typeof makeHost>

const RUNNING = containersOf(TWO_LANS)
  .map((name) => `${name} running`)
  .toSorted()

const files = FileSystem.layerNoop({
  makeDirectory: () => Effect.void,
  readDirectory: () => Effect.succeed([]),
  remove: () => Effect.void,
  rename: () => Effect.void,
  writeFileString: () => Effect.void
})

const makeFleet = () => {
  const hosts = [makeHost("lab-1"), makeHost("lab-2")] as const
  const byId = new Map<string, Host>(hosts.map((host) => [host.hostId, host]))
  const orders = new Map<string, Order>()

  const tell: Agents["Service"]["tell"] = (hostId, command, generation) =>
    Effect.suspend(() => {
      const host = byId.get(hostId)
      if (host === undefined || !host.control.up) return Effect.succeed({ _tag: "Unreached", error: "away" } as const)
      host.control.told++
      host.control.underWay++
      return Effect.ensuring(
        host.obey(command, generation),
        Effect.sync(() => void host.control.underWay--)
      )
    })

  /** What an agent does is not of the clock's time, and none passes until it is done. */
  const settled = Effect.gen(function* () {
    yield* TestClock.adjust(0)
    while (hosts.some(({ control }) => control.underWay > 0)) {
      yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust(0)
    }
  })
  const pass = Effect.fnUntraced(function* (seconds: number) {
    yield* settled
    const step = seconds > 600 ? 10 : 1
    for (let passed = 0; passed < seconds; passed += step) {
      yield* TestClock.adjust(`${step} seconds`)
      yield* settled
    }
  })
  const order = (host: Host, document: unknown) =>
    Effect.flatMap(Commanding, (commanding) => commanding.order(host.hostId, document, false))

  /** A master with these orders, for as long as the story goes. */
  const live = <A, E>(story: Effect.Effect<A, E, Book | Commanding>) => {
    const agents = Layer.succeed(Agents, { hosts: new Set(hosts.map(({ hostId }) => hostId)), tell })
    const database = Layer.succeed(Orders, {
      all: () => Effect.sync(() => [...orders.values()]),
      put: (_, given) => Effect.sync(() => void orders.set(given.hostId, given))
    })
    return Effect.forEach(hosts, ({ live }) => live).pipe(
      Effect.andThen(story),
      Effect.provide(
        layerOver({ orders: "orders", reports: "reports" }, agents).pipe(
          Layer.provide([database, files, layerSync, Fatal.layer])
        ),
        { local: true }
      ),
      Random.withSeed("fleet"),
      Effect.provide(Logger.layer([])),
      Effect.scoped
    )
  }
  return { hosts, orders, order, pass, live }
}

const told = (hosts: ReadonlyArray<Host>) => hosts.map(({ control }) => control.told)

/** Hours of the clock are seconds of a busy machine. */
const PATIENCE_MS = 60_000

describe("a fleet", () => {
  it.effect(
    "comes to run what it should, stays so untold, and is mended where somebody meddled",
    () => {
      const { hosts, live, order, pass } = makeFleet()
      const [one, two] = hosts
      return live(
        Effect.gen(function* () {
          for (const host of hosts) yield* order(host, TWO_LANS)
          yield* pass(40)
          expect(hosts.map((host) => host.states())).toEqual([RUNNING, RUNNING])
          expect(one.memory.row).toMatchObject({ applied_version_hash: hashOf(TWO_LANS), last_error: null })
          expect(told(hosts)).toEqual([1, 1])
          yield* pass(3600)
          expect(told(hosts)).toEqual([1, 1])

          const killed = [...one.engine.containers.values()][0]
          if (killed !== undefined) one.engine.containers.delete(killed.id)
          expect(one.states()).not.toEqual(RUNNING)
          yield* pass(40)
          expect(one.states()).toEqual(RUNNING)
          expect(told(hosts)).toEqual([2, 1])

          for (const each of two.engine.containers.values()) {
            two.engine.containers.set(each.id, { ...each, state: "exited" })
          }
          yield* pass(40)
          expect(two.states()).toEqual(RUNNING)
          expect(told(hosts)).toEqual([2, 2])
        })
      )
    },
    PATIENCE_MS
  )

  it.effect(
    "changes to another topology, and to nothing, and is left alone then",
    () => {
      const { hosts, live, order, pass } = makeFleet()
      const [one, two] = hosts
      return live(
        Effect.gen(function* () {
          yield* order(one, TWO_LANS)
          yield* pass(40)
          yield* order(one, called("t2"))
          yield* pass(60)
          expect(one.memory.row.topology_id).toBe("t2")
          expect(one.states()).toEqual(RUNNING.map((state) => state.replace("-t1-", "-t2-")).toSorted())
          yield* order(one, null)
          yield* pass(60)
          expect([one.engine.networks.size, one.engine.containers.size]).toEqual([0, 0])
          const before = told(hosts)
          yield* pass(3600)
          expect(told(hosts)).toEqual(before)
          expect(two.control.told).toBe(0)
        })
      )
    },
    PATIENCE_MS
  )

  it.effect(
    "is not touched by a master that knows nothing, whatever an agent remembers",
    () => {
      const { hosts, live, order, orders, pass } = makeFleet()
      const [one] = hosts
      return Effect.gen(function* () {
        yield* live(Effect.andThen(order(one, TWO_LANS), pass(40)))
        expect(one.states()).toEqual(RUNNING)
        // The master's database is lost, and the host was rebooted: its memory is all that is left of the topology.
        orders.clear()
        one.engine.containers.clear()
        one.engine.networks.clear()
        const before = told(hosts)
        yield* live(pass(1200))
        expect(told(hosts)).toEqual(before)
        expect([one.engine.networks.size, one.engine.containers.size]).toEqual([0, 0])
        expect(one.memory.row).toMatchObject({ topology_id: "t1", applied_version_hash: hashOf(TWO_LANS) })
      })
    },
    PATIENCE_MS
  )

  it.effect(
    "loses nothing by a host that is away for an hour, nor by an engine that is",
    () => {
      const { hosts, live, order, pass } = makeFleet()
      const [one, two] = hosts
      return live(
        Effect.gen(function* () {
          for (const host of hosts) yield* order(host, TWO_LANS)
          yield* pass(40)
          one.control.up = false
          two.engine.control.fate = () => "away"
          yield* order(one, called("t2"))
          yield* pass(3600)
          // Of 120 heartbeats that disagree the master answers fewer and fewer.
          expect(two.control.told).toBeLessThan(60)
          expect(one.control.told).toBe(1)
          one.control.up = true
          two.engine.control.fate = () => "done"
          yield* pass(600)
          expect(one.memory.row.topology_id).toBe("t2")
          expect(two.states()).toEqual(RUNNING)
          const after = told(hosts)
          yield* pass(3600)
          expect(told(hosts)).toEqual(after)
        })
      )
    },
    PATIENCE_MS
  )
})
