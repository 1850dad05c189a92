import { createHash } from "node:crypto"
import { Sha256 } from "../../src/domain/names.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import { bridgesOf, containersOf } from "../../src/domain/topology/objects.ts"
import { versionHash } from "../../src/domain/topology/versionHash.ts"
import type { TopologyState } from "../../src/domain/topology/wire.ts"

export const digest = (text: string): Sha256 => Sha256.make(createHash("sha256").update(text).digest("hex"))

/** Two LANs; `web` stands in both. */
export const TWO_LANS: Hydrated = {
  topology: { id: "t1", name: "two LANs" },
  lans: [
    { name: "dmz", subnet: "10.90.1.0/24", is_dmz: true },
    { name: "inner", subnet: "10.90.2.0/24", is_dmz: false }
  ],
  deckies: [
    {
      name: "web",
      image: "busybox:latest",
      command: ["sleep", "3600"],
      networks: [{ lan: "dmz", ip: "10.90.1.10" }, { lan: "inner" }]
    },
    { name: "db", image: "busybox:latest", networks: [{ lan: "inner", ip: "10.90.2.2" }] }
  ]
}

export const hashOf = (hydrated: Hydrated): Sha256 => {
  const hash = versionHash(hydrated, digest)
  if (hash._tag === "Failure") throw new Error(hash.failure)
  return hash.success
}

/** The same under another id. */
export const called = (id: string, hydrated: Hydrated = TWO_LANS): Hydrated => ({
  ...hydrated,
  topology: { ...hydrated.topology, id }
})

/** What an agent says that runs it as it should. */
export const running = (hydrated: Hydrated, generation = 1): TopologyState => ({
  topology_id: hydrated.topology.id,
  applied_version_hash: hashOf(hydrated),
  applied_at: 1_800_000_000,
  last_error: null,
  generation,
  observed: {
    bridges: bridgesOf(hydrated).map((name) => ({ name, topology_id: hydrated.topology.id })),
    containers: containersOf(hydrated).map((name) => ({ name, topology_id: hydrated.topology.id, state: "running" }))
  }
})

export const idle = (generation = 0): TopologyState => ({
  topology_id: null,
  applied_version_hash: null,
  applied_at: null,
  last_error: null,
  generation,
  observed: { bridges: [], containers: [] }
})
