/** How the service manager has our unit. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { counted } from "../domain/humanize.ts"
import { type NoServiceManager, ServiceManager, type Unit } from "../services/ServiceManager.ts"
import { Ourselves } from "./ourselves.ts"
import { type Finding, green, red, yellow } from "./row.ts"

export interface ServiceMends {
  readonly unit: string
  /** Installs the unit. */
  readonly install: string
  /** Runs the program without a service manager. */
  readonly foreground: string
}

/** Enabled for good, or by somebody else's doing. */
const STARTS_AT_BOOT: ReadonlySet<string> = new Set(["enabled", "static", "indirect", "generated", "linked", "alias"])

const stopped = ({ active, file, result, sub }: Unit, unit: string): Finding | undefined => {
  if (active === "failed") {
    return red(`failed (${result})`, `sudo systemctl reset-failed ${unit} && sudo systemctl restart ${unit}`)
  }
  if (active === "activating" && sub === "auto-restart") {
    return red(
      `ends and is started again and again (${result})`,
      `sudo journalctl -u ${unit} -p warning -n 50 --no-pager; sudo systemctl restart ${unit}`
    )
  }
  if (active === "active" || active === "reloading" || active === "activating") return undefined
  const start = file === "enabled" ? "start" : "enable --now"
  return red(`stopped (${active}, ${file || "not enabled"})`, `sudo systemctl ${start} ${unit}`)
}

export const judgeUnit = (found: Unit, { install, unit }: ServiceMends): Finding => {
  if (found.load === "not-found") return yellow("not installed as a service", install)
  if (found.load === "masked")
    return red(
      "masked: it cannot be started",
      `sudo systemctl unmask --now ${unit} && sudo systemctl enable --now ${unit}`
    )
  if (found.load !== "loaded")
    return red(`the unit cannot be loaded (${found.load})`, `systemd-analyze verify ${unit}.service`)
  const down = stopped(found, unit)
  if (down !== undefined) return down
  if (!STARTS_AT_BOOT.has(found.file)) {
    return yellow(`${found.active}, and not started at the next boot (${found.file})`, `sudo systemctl enable ${unit}`)
  }
  return found.restarts > 0
    ? yellow(
        `${found.active}, started again by itself ${counted(found.restarts, "time")}`,
        `sudo journalctl -u ${unit} -p warning -n 50 --no-pager; sudo systemctl reset-failed ${unit}`
      )
    : green(`${found.active}, ${found.file}`)
}

export const judgeNoManager = ({ message }: NoServiceManager, { foreground }: ServiceMends): Finding =>
  yellow(`${message}: nothing starts the program again when it ends`, foreground)

export const lookAtService = Effect.fnUntraced(function* (installer: string) {
  const { command, program } = yield* Ourselves
  const manager = yield* ServiceManager
  const mends = { unit: program, install: installer, foreground: command("run") }
  const finding = yield* manager.unit(program).pipe(
    Effect.match({
      onFailure: (error) => judgeNoManager(error, mends),
      onSuccess: (unit) => judgeUnit(unit, mends)
    })
  )
  return [finding]
})

/** One that does not say it soon has its own row. */
const SOON_MILLIS = 2000

/** Starts the program anew where the service manager runs it, else what does its work. */
export const startAnew = (byHand: string) =>
  Effect.gen(function* () {
    const { program } = yield* Ourselves
    return (yield* running) === "running" ? `sudo systemctl restart ${program}` : byHand
  })

/** None where there is no service manager, or it does not know the program. */
const ourUnit = Effect.gen(function* () {
  const { program } = yield* Ourselves
  const manager = yield* ServiceManager
  const asked = yield* Effect.timeoutOption(Effect.option(manager.unit(program)), SOON_MILLIS)
  return Option.filter(Option.flatten(asked), ({ load }) => load === "loaded")
})

/** Whether the service manager runs the program just now; `unmanaged` where it does not know it. */
export const running = Effect.map(
  ourUnit,
  Option.match({
    onNone: () => "unmanaged" as const,
    onSome: ({ active }) => (active === "active" ? "running" : "stopped")
  })
)

/** Our unit where it runs as somebody else than root; `undefined` where there is none. */
export const serviceUnit = Effect.map(ourUnit, (unit) =>
  Option.getOrUndefined(Option.filter(unit, ({ user }) => user !== "" && user !== "root"))
)

/** Whom the service runs as; `undefined` where there is none, or it is root's. */
export const serviceUser = Effect.map(serviceUnit, (unit) => unit?.user)
