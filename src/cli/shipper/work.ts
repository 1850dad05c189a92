/** `run`, `once` and `ping`: the commands that talk to the receiver. */
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { counted } from "../../domain/humanize.ts"
import type { ShipperSettings } from "../../domain/shipperSettings.ts"
import { onLocalDisk } from "../../services/LocalDisk.ts"
import { checkIn, type PingResult } from "../../shipper/checkin.ts"
import { daemon, once } from "../../shipper/daemon.ts"
import type { PassResult } from "../../shipper/pass.ts"
import { holdDataRoot, prepare } from "../../shipper/start.ts"
import { Attention, attention, configurationFault } from "../exit.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { sayLink } from "./link.ts"
import { withProgress } from "./progress.ts"
import { onHost } from "./root.ts"
import { sayExceptions } from "./sayExceptions.ts"
import { layerShipper } from "./services.ts"

/** Makes the data root fit and ours, until the scope closes. */
const claim = Effect.andThen(prepare, holdDataRoot).pipe(
  Effect.catchTags({
    UnfitDataRoot: ({ message }) => configurationFault(message),
    AlreadyRunning: ({ message }) => attention(message)
  })
)

const alone = <A, E, R>(work: Effect.Effect<A, E, R>) => onLocalDisk(Effect.scoped(Effect.andThen(claim, work)))

const sayStart = (settings: ShipperSettings) => Effect.andThen(sayExceptions(settings), sayLink(settings))

export const runCommand = Command.make("run", {}, () =>
  onHost((settings) => Effect.provide(alone(Effect.andThen(sayStart(settings), daemon)), layerShipper(settings)))
).pipe(
  Command.withDescription("Ship finished episodes as they come, until stopped (the daemon)"),
  Command.withExamples([{ command: "cis490-shipper run", description: "What the systemd unit starts" }])
)

const formatPass = ({ closed, counts, stop }: PassResult): string =>
  [
    table(
      [
        ["looked at", String(counts.scanned)],
        ["shipped", String(counts.shipped)],
        ["to be tried again", String(counts.transient_failures)],
        ["in conflict", String(counts.conflicts)],
        ["quarantined", String(counts.fatal)]
      ],
      { right: [1] }
    ),
    ...(stop === undefined ? [] : [`stopped early: ${stop.error}`]),
    ...(closed === undefined ? [] : [`${closed.why.words}: ${counted(closed.waiting, "finished episode")} left`])
  ].join("\n")

export const onceCommand = Command.make("once", { json }, (flags) =>
  onHost((settings) =>
    Effect.gen(function* () {
      const result = yield* alone(Effect.andThen(sayStart(settings), withProgress(once)))
      yield* flags.json ? printJson(result.counts) : Console.log(formatPass(result))
      const { closed, counts, stop } = result
      const left = counts.shipped < counts.scanned || (closed !== undefined && closed.waiting > 0)
      if (stop !== undefined || left) return yield* new Attention()
    }).pipe(Effect.provide(layerShipper(settings)))
  )
).pipe(
  Command.withDescription("Do one pass: sweep, clean, ship what is finished"),
  Command.withExamples([
    { command: "cis490-shipper once", description: "Ship now, and see how it goes" },
    { command: "cis490-shipper once --json", description: "The counts for a script" }
  ])
)

/** What is wrong, and what the receiver says mends it. Where nothing answered, the words end in their mend. */
const pingTrouble = (url: string, { body, error }: PingResult): string => {
  const mend = Predicate.isObject(body) && Predicate.isString(body.remediation) ? body.remediation : undefined
  return `${url}: ${error}${mend === undefined ? "" : `\nto mend: ${mend}`}`
}

export const pingCommand = Command.make("ping", { json }, (flags) =>
  onHost((settings) =>
    Effect.gen(function* () {
      yield* sayExceptions(settings)
      const result = yield* checkIn
      if (flags.json) yield* printJson(result)
      else if (!result.ok) return yield* attention(pingTrouble(settings.receiver.url, result))
      else yield* Console.log(`${settings.receiver.url} answers, and lets this host in`)
      if (!result.ok) return yield* new Attention()
    }).pipe(Effect.provide(layerShipper(settings)))
  )
).pipe(
  Command.withDescription("Ask the receiver whether this host gets in; stores nothing"),
  Command.withExamples([
    { command: "cis490-shipper ping", description: "Check the way, the token and the commit" },
    { command: "cis490-shipper ping --json", description: "The answer for a script" }
  ])
)
