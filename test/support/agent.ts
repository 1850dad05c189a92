/** The agent's own parts on simulated ground: an engine and a memory in memory, orders as they come in. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import { Host } from "../../src/agent/host.ts"
import { ApplyOrder, TeardownOrder } from "../../src/agent/order.ts"
import { HostId } from "../../src/domain/names.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import {
  AppliedTopology,
  MemoryTrouble,
  nothingRemembered,
  type Remembered
} from "../../src/services/AppliedTopology.ts"
import { layerSync } from "./codecSync.ts"
import type { SimulatedEngine } from "./simulatedEngine.ts"
import { hashOf } from "./topology.ts"

export const HOST = HostId.make("lab-1")

/** A memory that is lost with the test. */
export const makeMemory = () => {
  const now = { row: nothingRemembered as Remembered, blob: "", writes: 0, broken: false }
  const write = <A>(work: () => A): Effect.Effect<A, MemoryTrouble> =>
    Effect.suspend(() => {
      if (now.broken) return Effect.fail(new MemoryTrouble({ message: "topology.db: disk full" }))
      now.writes++
      return Effect.succeed(work())
    })
  const layer = Layer.succeed(AppliedTopology, {
    read: Effect.sync(() => now.row),
    expected: Effect.undefined,
    begin: ({ at, generation, hydratedJson, lastError, topologyId }) =>
      write(() => {
        const { blob, row } = now
        now.blob = hydratedJson
        now.row = {
          topology_id: topologyId,
          applied_version_hash: "",
          applied_at: at,
          last_error: lastError,
          generation: Math.max(generation, now.row.generation)
        }
        return {
          takeBack: write(() => void Object.assign(now, { blob, row: { ...row, generation: now.row.generation } }))
        }
      }),
    settle: ({ at, lastError, versionHash }) =>
      write(() => {
        now.row = { ...now.row, applied_version_hash: versionHash, applied_at: at, last_error: lastError }
      }),
    forget: write(() => {
      now.row = { ...nothingRemembered, generation: now.row.generation }
    }),
    raise: (generation) =>
      Effect.suspend(() =>
        generation <= now.row.generation
          ? Effect.void
          : write(() => {
              now.row = { ...now.row, generation }
            })
      )
  })
  return { now, layer }
}
export type Memory = ReturnType<typeof makeMemory>

const HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"

export const routesFile = (...lines: ReadonlyArray<string>): string => `${[HEADER, ...lines].join("\n")}\n`

/** A machine with the default route and one network. */
const ROUTES = routesFile(
  "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
  "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"
)

export const layerGround = (engine: SimulatedEngine, memory: Memory, routes = ROUTES, hostId = HOST) =>
  Layer.mergeAll(
    engine.layer,
    memory.layer,
    layerSync,
    Layer.succeed(Host, { hostId, version: "0", directory: "/var/lib/cis490-agent" }),
    FileSystem.layerNoop({ readFileString: () => Effect.succeed(routes) })
  )

const requestOf = (body: unknown) =>
  HttpServerRequest.fromWeb(new Request("http://agent/", { method: "POST", body: JSON.stringify(body) }))

/** An order as a master gives it. */
export const applyOrder = (hydrated: Hydrated, generation = 1) =>
  ApplyOrder.receive(requestOf({ hydrated, version_hash: hashOf(hydrated), generation }))

export const teardownOrder = (topologyId: string, generation = 1) =>
  TeardownOrder.receive(requestOf({ topology_id: topologyId, generation }))

export const orderOf = (body: unknown) => ApplyOrder.receive(requestOf(body))
