/** One machine on which a test does something. */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Fault } from "../kernel/call.ts"
import { execute } from "../kernel/execute.ts"
import { type Machine, makeMachine } from "../kernel/machine.ts"
import { makeOutput } from "../kernel/output.ts"
import type { End, Process } from "../kernel/process.ts"
import { makeRandom } from "../kernel/random.ts"
import { makeWorld, type World } from "../kernel/world.ts"
import { Disk } from "./disk.ts"

const LATENCY_MILLIS = 0.1
const AN_HOUR = 3_600_000

export interface Computer {
  readonly world: World
  readonly machine: Machine
  readonly disk: Disk
  /** `method target` of every call that changes something, in order. */
  readonly calls: ReadonlyArray<string>
  /** Runs it as what a process does, to its end; `undefined` when the process ended before. */
  readonly perform: <A, E>(make: (process: Process) => Effect.Effect<A, E>) => Exit.Exit<A, E> | undefined
  /** A process that goes on beside what is performed later, and what kills it. */
  readonly begin: (make: (process: Process) => Effect.Effect<unknown, unknown>) => (end: End) => void
}

/** `faultAt` is asked for the n-th call that changes something, from 1. */
export const makeComputer = (
  seed: number | string,
  faultAt: (nth: number, call: string) => Fault | undefined = () => undefined,
  capacityBytes = 1 << 20
): Computer => {
  const world = makeWorld()
  const random = makeRandom(seed)
  const calls: Array<string> = []
  const machine = makeMachine(world, {
    name: "host",
    random,
    disk: (now) => new Disk({ capacityBytes, now }),
    decide: (_, { method, mutates, target }) => {
      const call = `${method} ${target}`
      const fault = mutates ? faultAt(calls.push(call), call) : undefined
      return fault === undefined ? { latencyMillis: LATENCY_MILLIS } : { latencyMillis: LATENCY_MILLIS, fault }
    }
  })
  const { console } = makeOutput(() => undefined)

  const begin: Computer["begin"] = (make) => {
    const { finish, process } = machine.spawn("test", () => undefined)
    execute(process, console, make(process), () => undefined)
    return finish
  }
  const perform: Computer["perform"] = <A, E>(make: (process: Process) => Effect.Effect<A, E>) => {
    const { finish, process } = machine.spawn("test", () => undefined)
    let exit: Exit.Exit<A, E> | undefined
    execute(process, console, make(process), (ended) => {
      exit = ended
      world.stop()
    })
    if (exit === undefined) world.run(world.now() + AN_HOUR, () => undefined)
    finish({ _tag: "Exited", code: 0, defect: false })
    return exit
  }
  return { world, machine, disk: machine.disk, calls, perform, begin }
}
