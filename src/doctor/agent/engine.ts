/** The container engine: whether it answers, and whom its socket lets in. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { orMissing } from "../../presence.ts"
import { Engine, type EngineTrouble } from "../../services/Engine.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { word } from "../shell.ts"

/** What the unit's user needs, by the group of the socket or as anybody. */
const MAY_USE = 0o6

const isOpen = (mode: number): boolean => [mode, mode >> 3].some((bits) => (bits & MAY_USE) === MAY_USE)

/** Where Docker's own unit has it. */
const DOCKERS: ReadonlySet<string> = new Set(["/var/run/docker.sock", "/run/docker.sock"])

export interface Socket {
  /** Permission bits; `undefined` when nothing is there. */
  readonly mode: number | undefined
  readonly socket: string
  /** Looks again as a user who may. */
  readonly asRoot: string
  /** Opens the configuration. */
  readonly edit: string
}

export const judgeEngine = (answer: string | EngineTrouble, { asRoot, edit, mode, socket }: Socket): Finding => {
  if (mode === undefined) {
    return DOCKERS.has(socket)
      ? red("there is no engine's socket", "sudo systemctl enable --now docker")
      : red("there is no engine's socket where docker.socket says", edit)
  }
  if (typeof answer !== "string") {
    return answer.why === "denied"
      ? yellow("this user may not use it; the agent's user needs the group docker", asRoot)
      : red(answer.message, "sudo systemctl restart docker")
  }
  return isOpen(mode)
    ? green(`Docker ${answer} answers`)
    : yellow(
        `Docker ${answer} answers, and only the owner of the socket may use it`,
        `sudo chgrp docker ${word(socket)} && sudo chmod 660 ${word(socket)}`
      )
}

export const lookAtEngine = Effect.fnUntraced(function* (socket: string) {
  const fs = yield* FileSystem.FileSystem
  const engine = yield* Engine
  const { asRoot, configFile } = yield* Ourselves
  const info = yield* orMissing(fs.stat(socket))
  const answer = yield* Effect.catch(engine.version, (trouble) => Effect.succeed(trouble))
  const mends = { asRoot: asRoot("doctor"), edit: `sudoedit ${word(configFile)}` }
  return [judgeEngine(answer, { socket, mode: info?.mode, ...mends })]
})
