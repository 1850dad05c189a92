/** One incarnation of one program on a machine. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Call, Decide, Fault, Performed } from "./call.ts"
import type { Machine } from "./machine.ts"
import type { Random } from "./random.ts"

/** How a process came to its end. */
export type End =
  /** By itself, or asked to by SIGTERM. `defect`: of a mistake of its own, or of a sync that failed. */
  | { readonly _tag: "Exited"; readonly code: number; readonly defect: boolean }
  /** SIGKILL, or a crash; sockets and locks are the kernel's to release. */
  | { readonly _tag: "Killed" }
  /** With its machine, without a word to anybody. */
  | { readonly _tag: "PowerCut" }

export interface Process {
  /** `lab-1/shipper#2`. */
  readonly name: string
  readonly pid: number
  readonly machine: Machine
  readonly alive: boolean
  /** `undefined` while it is alive. */
  readonly end: End | undefined
  /** For this incarnation alone. */
  readonly random: Random
  /**
   * The one gate through which every service call goes: latency in virtual time, faults, crash points. `perform` is synchronous
   * and happens at one instant. A call of a dead process never returns. As with real calls, an interruption does not undo it: the
   * fiber goes on, and what was asked for happens nevertheless.
   */
  readonly call: <A, E>(call: Call, perform: () => Exit.Exit<A, E>, failed: (code: string) => E) => Effect.Effect<A, E>
  /** An event that is dropped when the process is dead by then; gives its cancel. */
  readonly after: (millis: number, act: () => void) => () => void
  /** What the kernel does for the process when it has ended, however: locks, descriptors, sockets. Gives its cancel. */
  readonly atEnd: (release: (end: End) => void) => () => void
  /** One line of history. */
  readonly note: (text: string) => void
}

/** What its machine does with it. */
export interface Control {
  readonly process: Process
  readonly finish: (end: End) => void
}

const faultWords = (fault: Fault): string => {
  if (fault._tag === "Crash") return `${fault.how === "kill" ? "KILLED" : "POWER CUT"} ${fault.when} it`
  return fault._tag === "Fail" ? fault.code : `done, and said to have failed: ${fault.code}`
}

export const makeProcess = (options: {
  readonly machine: Machine
  readonly name: string
  readonly pid: number
  readonly random: Random
  readonly decide: Decide
  readonly performed?: Performed
}): Control => {
  const { decide, machine, name, performed, pid, random } = options
  const { world } = machine
  const releases = new Set<(end: End) => void>()
  let ended: End | undefined

  const finish = (end: End): void => {
    if (ended !== undefined) return
    ended = end
    for (const release of [...releases].toReversed()) release(end)
    releases.clear()
  }
  const after = (millis: number, act: () => void): (() => void) =>
    world.after(millis, () => {
      if (ended === undefined) act()
    })
  const crash = (how: "kill" | "power"): void => {
    if (how === "kill") finish({ _tag: "Killed" })
    else machine.cutPower()
  }
  const note = (text: string): void => world.note(name, text)

  const call: Process["call"] = (what, perform, failed) =>
    Effect.callback((resume) => {
      const { fault, latencyMillis } = decide(process, what)
      after(latencyMillis, () => {
        const line = `${what.service}.${what.method} ${what.target}`
        if (fault !== undefined) note(`${line} [${faultWords(fault)}]`)
        if (fault?._tag === "Fail") return resume(Exit.fail(failed(fault.code)))
        if (fault?._tag === "Crash" && fault.when === "before") return crash(fault.how)
        if (fault === undefined && what.mutates) note(line)
        const exit = perform()
        performed?.(process, what)
        if (fault?._tag === "Crash") return crash(fault.how)
        return resume(fault?._tag === "FailAfter" ? Exit.fail(failed(fault.code)) : exit)
      })
    })

  const process: Process = {
    name,
    pid,
    machine,
    random,
    get alive() {
      return ended === undefined
    },
    get end() {
      return ended
    },
    call,
    after,
    atEnd: (release) => {
      releases.add(release)
      return () => void releases.delete(release)
    },
    note
  }
  return { process, finish }
}
