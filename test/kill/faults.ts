/** What goes wrong around the programs, for a while. Each fault is real, and gives what ends it. */
import * as fs from "node:fs"
import { join } from "node:path"
import type { Chance } from "./chance.ts"
import type { Lab } from "./lab.ts"
import type { Weather } from "./link.ts"

export interface Begun {
  /** The programs it may end: they do not have to outlive it. */
  readonly mayEnd: ReadonlyArray<string>
  readonly lift: () => void
}

/**
 * `undefined`: there is nothing to do it to just now. `once`: the episodes of which a file was closed before; one that changes three
 * times in a row waits for an hour, as it should.
 */
type Fault = (lab: Lab, chance: Chance, once: Set<string>) => Begun | undefined

const weather =
  (becomes: Weather): Fault =>
  ({ hosts }) => {
    const become = (next: Weather): void => {
      for (const { link } of hosts) link.become(next)
    }
    become(becomes)
    return { mayEnd: [], lift: () => become("clear") }
  }

/** Changes the mode of what lies there now, wherever it is moved. */
const closing = (path: string, mode: number, mayEnd: ReadonlyArray<string>): Begun => {
  const file = fs.openSync(path, "r")
  const before = fs.fstatSync(file).mode & 0o7777
  fs.fchmodSync(file, mode)
  return {
    mayEnd,
    lift: () => {
      fs.fchmodSync(file, before)
      fs.closeSync(file)
    }
  }
}

const KIB = 1024

const FAULTS = {
  "connections refused": weather("refused"),
  "connections cut": weather("cut"),
  "connections stalled": weather("stalled"),
  "disk of a host full": ({ hosts }, chance) => {
    const host = hosts.find(({ disk }) => disk !== undefined)
    if (host?.disk === undefined) return undefined
    host.disk.fill(chance.yes(0.5) ? 0 : chance.between(0, 1000 * KIB))
    return { mayEnd: [host.name], lift: host.disk.free }
  },
  "disk of the store full": ({ receiver: { storeDisk } }, chance) => {
    storeDisk.fill(chance.yes(0.5) ? 0 : chance.between(0, 1000 * KIB))
    return { mayEnd: ["receiver"], lift: storeDisk.free }
  },
  "disk of the index full": ({ receiver: { indexDisk } }, chance) => {
    indexDisk.fill(chance.between(0, 16) * 4 * KIB)
    return { mayEnd: ["receiver"], lift: indexDisk.free }
  },
  "a file that cannot be read": ({ hosts }, chance, once) => {
    const host = chance.one(hosts)
    const files = host.names("episodes").map((id) => host.path("episodes", id, "telemetry-proc.jsonl"))
    const path = files.find((file) => !once.has(file) && fs.existsSync(file))
    if (path === undefined) return undefined
    once.add(path)
    return closing(path, 0o000, [])
  },
  "a directory of a host closed": ({ hosts }, chance) => {
    const host = chance.one(hosts)
    const below = chance.one(["episodes", "outbox", "shipped", "quarantine", "state/drafts", "state/packed"])
    return closing(host.path(below), 0o500, [host.name])
  },
  "a directory of the receiver closed": ({ hosts, receiver }, chance) => {
    const { incoming_root, store_root } = receiver.paths
    return closing(chance.one([incoming_root, join(store_root, chance.one(hosts).name)]), 0o500, ["receiver"])
  }
} as const satisfies Record<string, Fault>
export type FaultName = keyof typeof FAULTS
export const FAULT_NAMES = Object.keys(FAULTS) as ReadonlyArray<FaultName>

/** A program that a fault ended may say so a little after it is over. Milliseconds. */
const ECHO_MILLIS = 3000
const LONGEST_STEPS = 4
const MOST_AT_ONCE = 2

/** Lets faults begin and end, step by step. */
export const makeFaults = (lab: Lab, chance: Chance) => {
  const active = new Map<FaultName, Begun & { stepsLeft: number }>()
  const once = new Set<string>()
  const excusedUntil = new Map<string, number>()
  const tally = Object.fromEntries(FAULT_NAMES.map((name) => [name, 0])) as Record<FaultName, number>

  const lift = (name: FaultName): void => {
    const begun = active.get(name)
    active.delete(name)
    begun?.lift()
    for (const program of begun?.mayEnd ?? []) excusedUntil.set(program, performance.now() + ECHO_MILLIS)
  }
  return {
    tally,
    isActive: (name: FaultName): boolean => active.has(name),
    /** Whether a fault of now, or of a moment ago, explains that the program ended by itself. */
    excuses: (program: string): boolean =>
      [...active.values()].some(({ mayEnd }) => mayEnd.includes(program)) ||
      performance.now() < (excusedUntil.get(program) ?? 0),
    step: (): void => {
      for (const [name, fault] of active) if (--fault.stepsLeft <= 0) lift(name)
      if (active.size >= MOST_AT_ONCE || !chance.yes(0.4)) return
      const least = Math.min(...Object.values(tally))
      const name = chance.one(chance.yes(0.5) ? FAULT_NAMES.filter((each) => tally[each] === least) : FAULT_NAMES)
      const begun = active.has(name) ? undefined : FAULTS[name](lab, chance, once)
      if (begun === undefined) return
      tally[name]++
      active.set(name, { ...begun, stepsLeft: chance.between(1, LONGEST_STEPS) })
    },
    liftAll: (): void => [...active.keys()].forEach(lift)
  }
}
export type Faults = ReturnType<typeof makeFaults>
