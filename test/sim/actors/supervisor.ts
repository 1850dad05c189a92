/**
 * The service manager of every machine, as the units tell it: starts the daemon with the machine, restarts it when it failed, kills it when
 * it has not beaten in time.
 */
import type { Machine } from "../kernel/machine.ts"
import { WATCHDOG_MILLIS } from "../kernel/notify.ts"
import type { ProgramName, Running, Start } from "../kernel/program.ts"
import type { World } from "../kernel/world.ts"
import { RECEIVER_CONFIG, SHIPPER_CONFIG } from "./settings.ts"

const RESTART_MILLIS = 2000
/** TimeoutStopSec; the daemon promises 10 s. */
const STOP_MILLIS = 20_000
const OFF_MILLIS = 1000

export interface Service {
  readonly machine: Machine
  readonly program: ProgramName
  readonly running: Running | undefined
  readonly starts: number
  /** Kills for want of a beat. */
  readonly hangs: number
  /** Ends with a status other than 0. */
  readonly failures: number
}

export interface Supervisor {
  readonly services: ReadonlyMap<string, Service>
  readonly crash: (machine: string, how: "kill" | "power", offMillis: number) => void
  readonly restart: (machine: string) => void
  /** The power went in the middle of a call; it comes back. */
  readonly meetPowerCut: (machine: Machine) => void
}

interface Unit {
  readonly machine: Machine
  readonly program: ProgramName
  running: Running | undefined
  starts: number
  hangs: number
  failures: number
  isComingBack: boolean
}

export const makeSupervisor = (
  world: World,
  machines: ReadonlyMap<string, ProgramName>,
  options: {
    readonly machineOf: (name: string) => Machine
    readonly start: (machine: Machine, what: Start) => Running
    readonly happened: (what: string) => void
    readonly stopped: (unit: string, tookMillis: number) => void
  }
): Supervisor => {
  const units = new Map<string, Unit>()

  const begin = (unit: Unit): void => {
    const { machine, program } = unit
    if (!machine.on || unit.running !== undefined) return
    unit.starts++
    let beaten = world.now()
    let ready = false
    const running = options.start(machine, {
      program,
      argv: ["run", "--config", program === "shipper" ? SHIPPER_CONFIG : RECEIVER_CONFIG],
      onHeard: ({ at, notification }) => {
        if (notification === "READY=1") ready = true
        if (notification === "READY=1" || notification === "WATCHDOG=1") beaten = at
      },
      onEnd: (end) => {
        unit.running = undefined
        options.happened(
          end._tag === "Exited" ? `ended: ${program} exits ${end.code}` : `ended: ${program} ${end._tag}`
        )
        if (end._tag === "PowerCut") return
        const failed = end._tag === "Exited" && end.code !== 0
        if (failed) unit.failures++
        world.after(RESTART_MILLIS, () => begin(unit))
      }
    })
    unit.running = running
    const watch = (): void => {
      if (unit.running !== running) return
      const left = beaten + WATCHDOG_MILLIS - world.now()
      if (left > 0 || !ready) return void world.after(Math.max(left, 1000), watch)
      unit.hangs++
      options.happened("ended: for want of a beat")
      machine.note(`${program} has not beaten for ${WATCHDOG_MILLIS / 1000} s: killed`)
      return running.kill()
    }
    world.after(WATCHDOG_MILLIS, watch)
  }

  for (const [name, program] of machines) {
    const unit: Unit = {
      machine: options.machineOf(name),
      program,
      running: undefined,
      starts: 0,
      hangs: 0,
      failures: 0,
      isComingBack: false
    }
    units.set(name, unit)
    begin(unit)
  }
  const unitOf = (name: string): Unit => {
    const unit = units.get(name)
    if (unit === undefined) throw new Error(`no machine ${name}`)
    return unit
  }
  /** Whoever says so first says when. */
  const comeBack = (unit: Unit, millis: number): void => {
    if (unit.isComingBack) return
    unit.isComingBack = true
    world.after(millis, () => {
      unit.isComingBack = false
      unit.machine.powerOn()
      begin(unit)
    })
  }

  return {
    services: units,
    crash: (name, how, offMillis) => {
      const unit = unitOf(name)
      if (how === "kill") return unit.running?.kill()
      if (!unit.machine.on) return
      unit.machine.cutPower()
      comeBack(unit, offMillis)
    },
    restart: (name) => {
      const unit = unitOf(name)
      const { running } = unit
      if (running === undefined) return
      const since = world.now()
      running.process.atEnd(() => options.stopped(running.process.name, world.now() - since))
      running.terminate()
      world.after(STOP_MILLIS, () => running.kill())
    },
    meetPowerCut: (machine) => comeBack(unitOf(machine.name), OFF_MILLIS)
  }
}
