import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import type { apply } from "../../src/agent/apply.ts"
import { ApplyOrder, TeardownOrder } from "../../src/agent/order.ts"
import type { teardown } from "../../src/agent/teardown.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import type { ApplyRequest } from "../../src/domain/topology/wire.ts"
import type { AppliedTopology, Beginning, Remembered } from "../../src/services/AppliedTopology.ts"

declare const remembered: Remembered
declare const beginning: Beginning
declare const hydrated: Hydrated
declare const request: ApplyRequest
declare const memory: AppliedTopology["Service"]
declare const applies: (order: Parameters<typeof apply>[0]) => void
declare const tearsDown: (order: Parameters<typeof teardown>[0]) => void

/** Never run: that it compiles is the test, each line in the way it says. */
export const restoring = (): void => {
  // @ts-expect-error: what is remembered is no order
  applies(remembered)
  // @ts-expect-error: nor is what was written down
  applies(beginning)
  // @ts-expect-error: nor is a topology
  applies(hydrated)
  // @ts-expect-error: nor is what a request says, without the request
  applies(request)
  // @ts-expect-error: nor is something that looks like one
  applies({ hydrated, topologyId: "t1", versionHash: request.version_hash, generation: 1 })
  // @ts-expect-error: nobody makes one
  applies(new ApplyOrder(request))
  // @ts-expect-error: nor from the memory
  applies(memory.read)
  // @ts-expect-error: an order to tear down is none to apply
  applies(tearingDown)
  // @ts-expect-error: what is remembered is no order to tear down
  tearsDown(remembered)
  // @ts-expect-error: nobody makes one
  tearsDown(new TeardownOrder({ topology_id: "t1", generation: 1 }))
  // @ts-expect-error: only a request that has come in becomes one
  void ApplyOrder.receive({ hydrated, version_hash: request.version_hash, generation: 1 })
}
declare const tearingDown: TeardownOrder

const ROOT = join(import.meta.dirname, "../..")
const STATIC = /^(?:import|export)\s(?!type\s)[^"';]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"/gm
const LAZY = /import\("(\.[^"]+)"\)/g

const matches = (file: string, pattern: RegExp): ReadonlyArray<string> =>
  [...readFileSync(file, "utf8").matchAll(pattern)].map((found) => join(dirname(file), found[1] ?? found[2] ?? ""))

/** Every file of ours that is loaded when these are. */
const reached = (...roots: ReadonlyArray<string>): ReadonlySet<string> => {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const next of matches(file, STATIC)) visit(next)
  }
  for (const root of roots) visit(join(ROOT, root))
  return seen
}

const CHANGING = /src\/agent\/(apply|teardown|carryOut|remainder)[^/]*\.ts$/

describe("what is loaded when the agent starts", () => {
  // The first loads the second once it is known that this Node will do.
  const started = reached("layers/cis490-agent.ts", "layers/agent.ts")

  it("serves, reports and remembers", () => {
    const names = [...started].map((file) => relative(ROOT, file))
    for (const part of ["routes", "heartbeat", "state", "order"]) expect(names).toContain(`src/agent/${part}.ts`)
    expect(names).toContain("layers/AppliedTopology.ts")
  })

  it("is nothing that changes the engine", () => {
    expect([...started].filter((file) => CHANGING.test(file))).toEqual([])
  })

  it("loads what changes the engine in one place, for a request", () => {
    const lazily = [...started].flatMap((file) =>
      matches(file, LAZY)
        .filter((target) => [...reached(relative(ROOT, target))].some((each) => CHANGING.test(each)))
        .map((target) => `${relative(ROOT, file)} → ${relative(ROOT, target)}`)
    )
    expect(lazily).toEqual(["src/agent/routes.ts → src/agent/apply.ts", "src/agent/routes.ts → src/agent/teardown.ts"])
  })
})
