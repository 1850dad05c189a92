import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { NoServiceManager, ServiceManager, type Unit } from "../src/services/ServiceManager.ts"
import { codeOf, wordsOf } from "../src/systemError.ts"
import { systemdTool } from "./systemdTool.ts"

const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "Result",
  "User",
  "NRestarts",
  "Group",
  "SupplementaryGroups"
]

const unitOf = (stdout: string): Unit => {
  const said = new Map(
    stdout.split("\n").map((line) => {
      const at = line.indexOf("=")
      return [line.slice(0, at), line.slice(at + 1)] as const
    })
  )
  const word = (property: string): string => said.get(property) ?? ""
  return {
    load: word("LoadState"),
    active: word("ActiveState"),
    sub: word("SubState"),
    file: word("UnitFileState"),
    result: word("Result"),
    user: word("User"),
    groups: `${word("Group")} ${word("SupplementaryGroups")}`.split(" ").filter((name) => name !== ""),
    restarts: Number(word("NRestarts")) || 0
  }
}

const nobody = (message: string) => new NoServiceManager({ message })

const notSystemd = nobody("systemd does not run this machine")

const ask = (name: string) =>
  systemdTool("systemctl", "show", `--property=${PROPERTIES.join(",")}`, "--", `${name}.service`).pipe(
    Effect.mapError((error) => (codeOf(error) === "ENOENT" ? notSystemd : nobody(wordsOf(error)))),
    Effect.flatMap(({ code, stderr, stdout }) => {
      if (code === 0) return Effect.succeed(unitOf(stdout))
      const words = stderr.trim().split("\n")[0] ?? ""
      return Effect.fail(
        /not been booted with systemd/.test(stderr) ? notSystemd : nobody(words || `systemctl ended ${code}`)
      )
    })
  )

/** systemctl(1). */
export const layerSystemd = Layer.effect(
  ServiceManager,
  Effect.map(ChildProcessSpawner, (spawner) => ({
    unit: (name) => Effect.provideService(ask(name), ChildProcessSpawner, spawner)
  }))
)
