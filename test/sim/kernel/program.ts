/** Starts the real programs on a simulated machine. */
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Authority from "../../../layers/Authority.ts"
import { layerNode } from "../../../layers/Certificates.ts"
import { layerPrefixed } from "../../../layers/Logger.ts"
import { teardown } from "../../../src/cli/exit.ts"
import { receiver } from "../../../src/cli/receiver.ts"
import { shipper } from "../../../src/cli/shipper.ts"
import { version } from "../../../src/domain/version.ts"
import { Environment } from "../../../src/services/Environment.ts"
import { Identity } from "../../../src/services/Identity.ts"
import { layerSync } from "../../support/codecSync.ts"
import { layersOf } from "../disk/layers.ts"
import { layerListener } from "../network/listener.ts"
import type { Network } from "../network/network.ts"
import { layerTransport } from "../network/transport.ts"
import { layerAbsent } from "./absent.ts"
import { execute } from "./execute.ts"
import { layerLookups } from "./lookups.ts"
import type { Machine } from "./machine.ts"
import { type Heard, layerNotify } from "./notify.ts"
import { layerOrders } from "./orders.ts"
import { makeOutput, type Output } from "./output.ts"
import type { End, Process } from "./process.ts"
import { layerSpawner } from "./spawner.ts"
import { layerStdio, layerTerminal } from "./terminal.ts"

export type ProgramName = "shipper" | "receiver"

export interface Start {
  readonly program: ProgramName
  /** Without the program's own name: `["run", "--config", "/etc/cis490/lab-host.toml"]`. */
  readonly argv: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** What it is called in the history, if it is not the daemon: `once`, `requeue`. */
  readonly name?: string
  /** Told once, within the step in which it ends; the place for a supervisor. */
  readonly onEnd?: (end: End) => void
  /** Told what the service manager is told. */
  readonly onHeard?: (heard: Heard) => void
}

export interface Running extends Output {
  readonly process: Process
  readonly heard: ReadonlyArray<Heard>
  /** SIGTERM. */
  readonly terminate: () => void
  /** SIGKILL. */
  readonly kill: () => void
}

/** As secret as the seed. */
const layerSecureRandom = (process: Process) => {
  const random = process.random.fork("secure")
  return Layer.succeed(
    SecureRandom.SecureRandom,
    SecureRandom.make((size) => Uint8Array.from({ length: size }, () => random.int(256)))
  )
}

const layerCli = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
})

/** As in `layers/shipper.ts` and `layers/receiver.ts`, on this machine. */
const servicesOf = (process: Process, network: Network, { env = {} }: Start, hear: (heard: Heard) => void) =>
  Layer.mergeAll(
    layerCli,
    layerSync,
    DateTime.layerCurrentZoneOffset(0),
    layerSecureRandom(process),
    Layer.succeed(Environment, { variables: { HOME: "/var/lib/cis490", ...env } }),
    Layer.succeed(Identity, { actAsOwnerOf: () => Effect.void }),
    layerPrefixed,
    layerNotify(process, hear),
    layerListener(process, network),
    layerLookups(process),
    layerOrders(process),
    layerTransport(process, network),
    layersOf(process),
    Path.layer,
    layerSpawner(process),
    layerAbsent,
    Authority.layerNode,
    layerNode,
    layerStdio,
    layerTerminal
  )

type Services = Layer.Success<ReturnType<typeof servicesOf>>

const commands: Readonly<Record<ProgramName, (argv: ReadonlyArray<string>) => Effect.Effect<void, unknown, Services>>> =
  {
    shipper: Command.runWith(shipper, { version }),
    receiver: Command.runWith(receiver, { version })
  }

/** As a shell sees it. */
const SIGTERM_STATUS = 128 + 15

/** The lines of a stack say where in our files something is, which is not what happened. */
const isStack = (line: string): boolean => /^(<\d>)?\s+at /.test(line)

/** Starts a program, as an init does: what it says and how it ends goes into the history. */
export const start = (machine: Machine, network: Network, what: Start): Running => {
  const { argv, program } = what
  const heard: Array<Heard> = []
  const { finish, process } = machine.spawn(what.name ?? program, (end) => {
    process.note(end._tag === "Exited" ? `exits ${end.code}` : end._tag === "Killed" ? "is killed" : "loses power")
    what.onEnd?.(end)
  })
  process.note(`starts: cis490-${program} ${argv.join(" ")}`)
  const { console, output } = makeOutput((line) => {
    if (!isStack(line)) process.note(`| ${line}`)
  })
  const hear = (words: Heard): void => {
    heard.push(words)
    what.onHeard?.(words)
  }
  const main = commands[program](argv).pipe(
    Effect.tapDefect((defect) =>
      Effect.logFatal(`this is a mistake in cis490-${program}; it ends and is to be started again`, defect)
    ),
    Effect.provide(servicesOf(process, network, what, hear))
  )
  /** What the signal does to a program that has not said otherwise yet. */
  const unstarted = (): void => finish({ _tag: "Exited", code: SIGTERM_STATUS, defect: false })
  // Not on the stack of whoever starts it.
  let interrupt: (() => void) | undefined
  process.after(0, () => {
    interrupt = execute(process, console, main, (exit) => {
      const defect = Exit.isFailure(exit) && Cause.hasDies(exit.cause)
      teardown(exit, (code) => finish({ _tag: "Exited", code, defect }))
    })
  })
  return {
    process,
    heard,
    ...output,
    terminate: () => {
      if (!process.alive) return
      process.note("SIGTERM")
      process.after(0, () => (interrupt ?? unstarted)())
    },
    kill: () => finish({ _tag: "Killed" })
  }
}
