/** Somebody at a host's terminal: real commands, beside the daemon. */
import type { Machine } from "../kernel/machine.ts"
import type { Running, Start } from "../kernel/program.ts"
import type { World } from "../kernel/world.ts"
import { SHIPPER_CONFIG } from "./settings.ts"

/** Somebody who waits that long presses ^C. */
const PATIENCE_MILLIS = 60_000

export interface Operator {
  readonly run: (host: string, argv: ReadonlyArray<string>) => void
}

export const makeOperator = (
  world: World,
  options: {
    readonly machineOf: (name: string) => Machine
    readonly start: (machine: Machine, what: Start) => Running
    /** Before it starts. */
    readonly about: (host: string, argv: ReadonlyArray<string>) => void
    readonly happened: (what: string) => void
  }
): Operator => ({
  run: (host, argv) => {
    const machine = options.machineOf(host)
    if (!machine.on) return
    options.about(host, argv)
    const running = options.start(machine, {
      program: "shipper",
      name: "operator",
      argv: [...argv, "--config", SHIPPER_CONFIG],
      onEnd: (end) => {
        const command = argv[0] === "quarantine" ? argv.slice(0, 2).join(" ") : argv[0]
        options.happened(`operator: ${command}`)
        options.happened(`exit: ${command} ${end._tag === "Exited" ? end.code : end._tag}`)
      }
    })
    world.after(PATIENCE_MILLIS, () => running.process.alive && running.terminate())
    world.after(2 * PATIENCE_MILLIS, () => running.kill())
  }
})
