/** One computer: its disk, its clock, and what runs on it. */
import type { Disk } from "../disk/disk.ts"
import type { Decide, Performed } from "./call.ts"
import { type Control, type End, makeProcess, type Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { World } from "./world.ts"

export interface Machine {
  readonly name: string
  readonly world: World
  readonly disk: Disk
  /** What this machine takes for the time, milliseconds since 1970. */
  wallMillis(): number
  /** The same in nanoseconds. */
  wallNanos(): bigint
  /** Sets its clock off by so much from where it is; monotonic time does not jump. */
  jumpClock(millis: number): void
  /** So much time passes on it at once, by either clock. */
  letPass(millis: number): void
  /** Since it was booted, whatever is set. */
  monotonicMillis(): number
  /** In the world's time. */
  readonly bootedAt: number
  readonly on: boolean
  /** Those that are alive, oldest first. */
  readonly processes: ReadonlyArray<Process>
  /** A process of this name, `lab-1/shipper#2`, with nothing running in it yet. `onEnd` is told once. */
  spawn(program: string, onEnd: (end: End) => void): Control
  /** Everything on it ends at once, without a word to anybody, and the disk becomes what a power cut leaves. */
  cutPower(): void
  /** Boots it, if it is off. */
  powerOn(): void
  readonly note: (text: string) => void
}

export interface MachineOptions {
  readonly name: string
  /** Given the machine's own clock, nanoseconds since 1970. */
  readonly disk: (now: () => bigint) => Disk
  readonly random: Random
  /** Decides the fate of every call of every process on it. */
  readonly decide: Decide
  readonly performed?: Performed
  /** By how much its clock is wrong at first. */
  readonly clockOffsetMillis?: number
}

const FIRST_PID = 100

export const makeMachine = (world: World, options: MachineOptions): Machine => {
  const { decide, name, performed, random } = options
  const running = new Map<number, Control>()
  const incarnations = new Map<string, number>()
  let offset = options.clockOffsetMillis ?? 0
  let bootedAt = world.now()
  let passed = 0
  let on = true
  let pids = FIRST_PID
  let cuts = 0

  const wallMillis = (): number => world.now() + offset
  const wallNanos = (): bigint => BigInt(Math.round(wallMillis() * 1000)) * 1000n
  const disk = options.disk(wallNanos)
  const note = (text: string): void => world.note(name, text)

  const spawn = (program: string, onEnd: (end: End) => void): Control => {
    if (!on) throw new Error(`${name} is off`)
    const incarnation = (incarnations.get(program) ?? 0) + 1
    incarnations.set(program, incarnation)
    const pid = pids++
    const words = `${name}/${program}#${incarnation}`
    const control = makeProcess({
      machine,
      name: words,
      pid,
      random: random.fork(`${program}#${incarnation}`),
      decide,
      ...(performed && { performed })
    })
    running.set(pid, control)
    control.process.atEnd((end) => {
      running.delete(pid)
      onEnd(end)
    })
    return control
  }

  const cutPower = (): void => {
    if (!on) return
    on = false
    note("power is cut")
    for (const { finish } of running.values()) finish({ _tag: "PowerCut" })
    disk.powerCut(random.fork(`power cut ${++cuts}`))
  }

  const machine: Machine = {
    name,
    world,
    disk,
    wallMillis,
    wallNanos,
    jumpClock: (millis) => {
      offset += millis
      note(`its clock jumps by ${millis / 1000} s`)
    },
    letPass: (millis) => {
      offset += millis
      passed += millis
      note(`${millis / 1000} s pass`)
    },
    monotonicMillis: () => world.now() - bootedAt + passed,
    get bootedAt() {
      return bootedAt
    },
    get on() {
      return on
    },
    get processes() {
      return [...running.values()].map(({ process }) => process)
    },
    spawn,
    cutPower,
    powerOn: () => {
      if (on) return
      on = true
      bootedAt = world.now()
      passed = 0
      note("boots")
    },
    note
  }
  return machine
}
