/** What a check is told. It throws a `Violation` when a promise is broken. */
import type { Call } from "../kernel/call.ts"
import type { Machine } from "../kernel/machine.ts"
import type { End, Process } from "../kernel/process.ts"
import type { World } from "../kernel/world.ts"
import type { Plan } from "../plan/plan.ts"
import type { ContentReader } from "./content.ts"
import type { Ledger } from "./ledger.ts"
import type { Traffic } from "./traffic.ts"

export interface Scene {
  readonly plan: Plan
  readonly world: World
  readonly hosts: ReadonlyMap<string, Machine>
  readonly central: Machine
  readonly ledger: Ledger
  readonly traffic: Traffic
  /** Of what a machine's disk holds now, and of what it would hold for sure after a power cut. */
  readonly readers: (machine: Machine) => Readers
}

export interface Readers {
  readonly current: ContentReader
  readonly durable: ContentReader
}

export interface Check {
  /** At the instant in which a call was done, whatever is reported of it. */
  readonly performed?: (process: Process, call: Call) => void
  /** An actor, or a power cut, has changed something on the machine's disk. */
  readonly disturbed?: (machine: Machine) => void
  readonly ended?: (process: Process, end: End) => void
  readonly stepped?: () => void
}

export const machinesOf = ({ central, hosts }: Scene): ReadonlyArray<Machine> => [...hosts.values(), central]

/** `lab-1/shipper` of `lab-1/shipper#3`. */
export const programOf = ({ name }: Process): string => name.replace(/#\d+$/, "")
