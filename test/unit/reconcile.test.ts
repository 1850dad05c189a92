/** The master's loop on the virtual clock, with agents that are played. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { HostId } from "../../src/domain/names.ts"
import type { Outcome } from "../../src/domain/topology/answer.ts"
import type { TopologyState } from "../../src/domain/topology/wire.ts"
import * as Fatal from "../../src/receiver/Fatal.ts"
import { Agents } from "../../src/receiver/master/Agents.ts"
import { Book } from "../../src/receiver/master/book.ts"
import { Commanding } from "../../src/receiver/master/command.ts"
import { hear } from "../../src/receiver/master/hear.ts"
import { layerOver } from "../../src/receiver/master/layerMaster.ts"
import { type Order, Orders } from "../../src/services/Orders.ts"
import { layerSync } from "../support/codecSync.ts"
import { called, idle, running, TWO_LANS } from "../support/topology.ts"

const LAB = HostId.make("lab-1")

const files = FileSystem.layerNoop({
  makeDirectory: () => Effect.void,
  readDirectory: () => Effect.succeed([]),
  remove: () => Effect.void,
  rename: () => Effect.void,
  writeFileString: () => Effect.void
})

/** Kept by whoever made it: what is there when a master is started anew. */
const makeDatabase = () => {
  const orders = new Map<string, Order>()
  const layer = Layer.succeed(Orders, {
    all: () => Effect.sync(() => [...orders.values()]),
    put: (_, order) => Effect.sync(() => void orders.set(order.hostId, order))
  })
  return { orders, layer }
}

/** An agent that obeys, unless it is told what to answer. */
const makeAgent = (state: TopologyState = idle()) => {
  const asked: Array<string> = []
  const control = {
    state,
    highest: state.generation ?? 0,
    takes: "0 seconds" as Duration.Input,
    instead: undefined as Outcome | undefined
  }
  const layer = Layer.succeed(Agents, {
    hosts: new Set([LAB]),
    tell: (_, command, generation) =>
      Effect.gen(function* () {
        const seconds = (yield* Clock.currentTimeMillis) / 1000
        const what =
          command._tag === "Apply" ? `apply ${command.hydrated.topology.id}` : `teardown ${command.topologyId}`
        asked.push(`${seconds} ${what} ${generation}`)
        const { instead } = control
        yield* Effect.sleep(control.takes)
        if (instead !== undefined) return instead
        if (generation < control.highest) return { _tag: "Superseded", error: "older" } as const
        control.highest = generation
        control.state = command._tag === "Apply" ? running(command.hydrated, generation) : idle(generation)
        return { _tag: "Done" } as const
      })
  })
  return { asked, control, layer, reported: () => ({ ...control.state, generation: control.highest }) }
}
type Agent = ReturnType<typeof makeAgent>

const beat = (agent: Agent) =>
  Effect.andThen(hear({ host_id: LAB, agent_version: "0", topology: agent.reported() }), TestClock.adjust(0))

const order = (document: unknown, takeOver = false) =>
  Effect.flatMap(Commanding, (commanding) => commanding.order(LAB, document, takeOver)).pipe(
    Effect.tap(TestClock.adjust(0))
  )

/** The longest wait that chance allows. */
const unlucky = { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0.999_999 }

const master = <A, E>(
  agent: Agent,
  database: ReturnType<typeof makeDatabase>,
  life: Effect.Effect<A, E, Book | Commanding>,
  log: Array<string> = []
) => {
  const logger = Logger.make(({ logLevel, message }) => void log.push(`${logLevel}: ${String(message)}`))
  return life.pipe(
    Effect.provide(
      layerOver({ orders: "orders", reports: "reports" }, agent.layer).pipe(
        Layer.provide([database.layer, files, layerSync, Fatal.layer])
      ),
      { local: true }
    ),
    Effect.provideService(Random.Random, unlucky),
    Effect.provide(Logger.layer([logger]))
  )
}

const times = (agent: Agent): ReadonlyArray<number> => agent.asked.map((line) => Math.round(Number(line.split(" ")[0])))

describe("the master", () => {
  it.effect("tells nobody who has not reported", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* order(TWO_LANS)
        yield* TestClock.adjust("10 hours")
        expect(agent.asked).toEqual([])
        yield* beat(agent)
        expect(agent.asked).toEqual(["36000 apply t1 1"])
      })
    )
  })

  it.effect("tells once, and waits for a report that can know of it", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        yield* TestClock.adjust("10 hours")
        expect(agent.asked).toEqual(["0 apply t1 1"])
        yield* beat(agent)
        yield* TestClock.adjust("10 hours")
        expect(agent.asked).toHaveLength(1)
      })
    )
  })

  it.effect("tells an agent that is away again and again, ever more rarely, and logs it once", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    const log: Array<string> = []
    agent.control.instead = { _tag: "Unreached", error: "ECONNREFUSED" }
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        for (let i = 0; i < 60; i++) yield* TestClock.adjust("1 minute")
        expect(times(agent).slice(0, 9)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 243])
        expect(agent.asked.length).toBeLessThan(25)
        expect(log.filter((line) => line.includes("in vain"))).toHaveLength(1)
        agent.control.instead = undefined
        yield* TestClock.adjust("10 minutes")
        yield* beat(agent)
        const before = agent.asked.length
        yield* TestClock.adjust("10 hours")
        expect(agent.asked).toHaveLength(before)
      }),
      log
    )
  })

  it.effect("does not burn on a host that does as it is told and drifts all the same", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    agent.control.instead = { _tag: "Done" }
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* order(TWO_LANS)
        // An hour of heartbeats, none of which agrees.
        for (let i = 0; i < 120; i++) {
          yield* beat(agent)
          yield* TestClock.adjust("30 seconds")
        }
        expect(agent.asked.length).toBeGreaterThan(10)
        expect(agent.asked.length).toBeLessThan(30)
      })
    )
  })

  it.effect("tells what cannot run there once an hour, and a mended order at once", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    agent.control.instead = { _tag: "Refused", error: "10.90.1.0/24 is the host's own network" }
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        for (let i = 0; i < 90; i++) {
          yield* beat(agent)
          yield* TestClock.adjust("1 minute")
        }
        expect(times(agent)).toEqual([0, 3600])
        agent.control.instead = undefined
        yield* order(called("t2"))
        expect(agent.asked.at(-1)).toBe("5400 apply t2 2")
      })
    )
  })

  it.effect("goes back to the beginning of its patience once a report agreed", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        yield* beat(agent)
        for (let i = 0; i < 20; i++) {
          yield* TestClock.adjust("30 seconds")
          agent.control.state = { ...running(TWO_LANS), observed: { bridges: [], containers: [] } }
          yield* beat(agent)
          yield* beat(agent)
        }
        // At once every time: none of it waited for the last.
        expect(times(agent)).toEqual(Array.from({ length: 21 }, (_, i) => i * 30))
      })
    )
  })

  it.effect("has the last order obeyed, also when it comes while an older one is being told", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    return master(
      agent,
      database,
      Effect.gen(function* () {
        agent.control.takes = "10 seconds"
        yield* beat(agent)
        yield* order(TWO_LANS)
        yield* TestClock.adjust("5 seconds")
        yield* order(called("t2"))
        expect(agent.asked).toEqual(["0 apply t1 1"])
        yield* TestClock.adjust("5 seconds")
        yield* beat(agent)
        yield* TestClock.adjust("1 minute")
        yield* beat(agent)
        yield* TestClock.adjust("1 minute")
        yield* beat(agent)
        expect(agent.control.state.topology_id).toBe("t2")
        expect(agent.asked.at(-1)).toMatch(/ apply t2 2$/)
      })
    )
  })

  it.effect("holds up no order for what came of an older one", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    agent.control.takes = "10 seconds"
    agent.control.instead = { _tag: "Refused", error: "no such image" }
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        yield* TestClock.adjust("5 seconds")
        agent.control.instead = undefined
        yield* order(called("t2"))
        yield* TestClock.adjust("5 seconds")
        expect(agent.asked).toEqual(["0 apply t1 1", "10 apply t2 2"])
      })
    )
  })

  it.effect("whose database is lost tears nothing down", () => {
    const agent = makeAgent(running(TWO_LANS, 7))
    return master(
      agent,
      makeDatabase(),
      Effect.gen(function* () {
        yield* beat(agent)
        yield* TestClock.adjust("10 hours")
        yield* beat(agent)
        expect(agent.asked).toEqual([])
      })
    )
  })

  it.effect("restored from an old copy tears nothing down, and says so until it is told to take over", () => {
    const database = makeDatabase()
    const agent = makeAgent()
    const log: Array<string> = []
    let copy: ReadonlyArray<Order> = []
    const first = Effect.gen(function* () {
      yield* beat(agent)
      yield* order(TWO_LANS)
      copy = [...database.orders.values()]
      yield* beat(agent)
      yield* order(called("t2"))
      yield* beat(agent)
      yield* TestClock.adjust("1 minute")
      expect(agent.control.state.topology_id).toBe("t2")
    })
    const second = Effect.gen(function* () {
      const before = agent.asked.length
      for (let i = 0; i < 10; i++) {
        yield* beat(agent)
        yield* TestClock.adjust("1 hour")
      }
      expect(agent.asked).toHaveLength(before)
      expect(log.filter((line) => line.includes("--take-over"))).toHaveLength(1)
      yield* order(TWO_LANS, true)
      yield* beat(agent)
      yield* TestClock.adjust("1 minute")
      expect(agent.asked.slice(before).map((line) => line.replace(/^\S+ /, ""))).toEqual([
        "teardown t2 3",
        "apply t1 3"
      ])
    })
    return Effect.gen(function* () {
      yield* master(agent, database, first)
      database.orders.clear()
      for (const each of copy) database.orders.set(each.hostId, each)
      yield* master(agent, database, second, log)
    })
  })

  it.effect("tells an order that changes nothing too: a copy from before it counts for nothing then", () => {
    const database = makeDatabase()
    const agent = makeAgent()
    let copy: ReadonlyArray<Order> = []
    const first = Effect.gen(function* () {
      yield* beat(agent)
      yield* order(called("t2"))
      copy = [...database.orders.values()]
      yield* beat(agent)
      yield* order(TWO_LANS)
      yield* beat(agent)
      yield* beat(agent)
      yield* order(TWO_LANS)
      for (let i = 0; i < 10; i++) {
        yield* TestClock.adjust("1 hour")
        yield* beat(agent)
      }
      expect(agent.asked.filter((line) => line.endsWith("apply t1 3"))).toHaveLength(1)
      expect(agent.reported().generation).toBe(3)
    })
    const second = Effect.gen(function* () {
      const before = agent.asked.length
      yield* order(called("t2"))
      for (let i = 0; i < 10; i++) {
        yield* beat(agent)
        yield* TestClock.adjust("1 hour")
      }
      expect(agent.asked).toHaveLength(before)
      expect(agent.control.state.topology_id).toBe("t1")
    })
    return Effect.gen(function* () {
      yield* master(agent, database, first)
      database.orders.clear()
      for (const each of copy) database.orders.set(each.hostId, each)
      yield* master(agent, database, second)
    })
  })

  it.effect("tells an agent that lags behind with every report, while it cannot be reached", () => {
    const [agent, database] = [makeAgent(running(TWO_LANS, 0)), makeDatabase()]
    agent.control.instead = { _tag: "Unreached", error: "ECONNREFUSED" }
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        yield* TestClock.adjust("10 hours")
        expect(agent.asked).toHaveLength(1)
        yield* beat(agent)
        expect(agent.asked).toHaveLength(2)
        agent.control.instead = { _tag: "Done" }
        for (let i = 0; i < 10; i++) yield* beat(agent)
        expect(agent.asked).toHaveLength(3)
      })
    )
  })

  it.effect("takes over no generation that leaves no room for orders", () => {
    const [agent, database] = [makeAgent(running(TWO_LANS, 2 ** 52)), makeDatabase()]
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* beat(agent)
        const problem = yield* Effect.flip(order(called("t2"), true))
        expect(problem.error).toContain(`generation ${2 ** 52}, which no master gives`)
        expect(database.orders.size).toBe(0)
      })
    )
  })

  it.effect("refused for its generation asks no more, whatever the agent leaves unsaid", () => {
    const [agent, database] = [makeAgent(), makeDatabase()]
    agent.control.instead = { _tag: "Superseded", error: "generation 1 is older than 9" }
    const silent = Effect.andThen(
      hear({ host_id: LAB, topology: { topology_id: null, applied_version_hash: null } }),
      TestClock.adjust("1 hour")
    )
    return master(
      agent,
      database,
      Effect.gen(function* () {
        yield* silent
        yield* order(TWO_LANS)
        for (let i = 0; i < 10; i++) yield* silent
        expect(agent.asked).toHaveLength(1)
        yield* order(TWO_LANS)
        expect(agent.asked).toHaveLength(2)
      })
    )
  })

  it.effect("never fights with another one", () => {
    const agent = makeAgent()
    const [one, other] = [makeDatabase(), makeDatabase()]
    return master(
      agent,
      one,
      Effect.gen(function* () {
        yield* beat(agent)
        yield* order(TWO_LANS)
        yield* beat(agent)
        // The operator of the other master has the agent report there, and takes over.
        yield* master(
          agent,
          other,
          Effect.gen(function* () {
            yield* beat(agent)
            yield* order(called("t2"), true)
            yield* beat(agent)
          })
        )
        expect(agent.control.state.topology_id).toBe("t2")
        const before = agent.asked.length
        for (let i = 0; i < 10; i++) {
          yield* beat(agent)
          yield* TestClock.adjust("1 hour")
        }
        expect(agent.asked).toHaveLength(before)
      })
    )
  })
})
