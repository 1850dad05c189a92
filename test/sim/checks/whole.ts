/**
 * The first promise: a finished episode is whole in at least one place, now and whatever a power cut would leave of either side. Looked
 * at after every change that could concern it, and now and then for all.
 */
import type { View } from "../disk/view.ts"
import type { Machine } from "../kernel/machine.ts"
import type { Check, Scene } from "./check.ts"
import type { ContentReader } from "./content.ts"
import type { Entry } from "./ledger.ts"
import { EPISODES, QUARANTINE, SHIPPED, STORE } from "./places.ts"
import { Violation } from "./violation.ts"

type Sight = "current" | "durable"
const SIGHTS: ReadonlyArray<Sight> = ["current", "durable"]
const DIRECTORIES = [EPISODES, SHIPPED, QUARANTINE]
const ALL_EVERY = 64

const viewOf = (machine: Machine, sight: Sight): View =>
  sight === "current" ? machine.disk.current() : machine.disk.durable()

/** Where the content lies on its host or in the store; those places are tried first where it was last. */
export const makeFinder = (scene: Scene) => {
  const lastPlace = new Map<Entry, Record<Sight, string | undefined>>()

  const reader = (machine: Machine, sight: Sight): ContentReader => scene.readers(machine)[sight]

  const onHost = (machine: Machine, sight: Sight, content: string, path: string): boolean =>
    reader(machine, sight).ofDirectory(viewOf(machine, sight), path) === content
  const inStore = (sight: Sight, content: string, path: string): boolean =>
    reader(scene.central, sight).ofTarball(viewOf(scene.central, sight), path) === content

  const search = (machine: Machine, sight: Sight, { content, host }: Entry): string | undefined => {
    const view = viewOf(machine, sight)
    for (const directory of DIRECTORIES) {
      for (const name of view.list(directory) ?? []) {
        if (onHost(machine, sight, content, `${directory}/${name}`)) return `${directory}/${name}`
      }
    }
    const stored = viewOf(scene.central, sight).list(`${STORE}/${host}`) ?? []
    return stored.map((name) => `${STORE}/${host}/${name}`).find((path) => inStore(sight, content, path))
  }

  /** `undefined` when it is nowhere. */
  return (entry: Entry, sight: Sight): string | undefined => {
    const machine = scene.hosts.get(entry.host)
    if (machine === undefined) throw new Error(`no host ${entry.host}`)
    const places = lastPlace.get(entry) ?? { current: undefined, durable: undefined }
    lastPlace.set(entry, places)
    const last = places[sight]
    if (last?.startsWith(STORE) === true && inStore(sight, entry.content, last)) return last
    if (last?.startsWith(STORE) === false && onHost(machine, sight, entry.content, last)) return last
    places[sight] = search(machine, sight, entry)
    return places[sight]
  }
}

export const whole = (scene: Scene): Check => {
  const find = makeFinder(scene)
  const dirty = new Set<Entry>()
  let changes = 0

  const verify = (entry: Entry): void => {
    for (const sight of SIGHTS) {
      if (find(entry, sight) !== undefined) continue
      throw new Violation(
        "nothing is lost",
        `${entry.host}/${entry.id} (run ${entry.run}, ${entry.kind}) is ${sight === "current" ? "nowhere" : "nowhere after a power cut"}`
      )
    }
  }
  return {
    performed: (process, call) => {
      if (!call.mutates) return
      const all = ++changes % ALL_EVERY === 0
      const syncsDirectory = call.method === "sync" && DIRECTORIES.some((directory) => call.target === directory)
      const isCentral = process.machine === scene.central
      for (const entry of scene.ledger.owed()) {
        const near = isCentral ? call.target.includes(entry.host) : entry.host === process.machine.name
        if (all || (near && (syncsDirectory || call.target.includes(entry.id)))) dirty.add(entry)
      }
    },
    disturbed: () => {
      for (const entry of scene.ledger.owed()) dirty.add(entry)
    },
    stepped: () => {
      if (dirty.size === 0) return
      for (const entry of dirty) if (entry.forfeited === undefined) verify(entry)
      dirty.clear()
    }
  }
}
