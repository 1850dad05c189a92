import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { relative } from "../../domain/humanize.ts"
import { AppliedTopology, type Remembered } from "../../services/AppliedTopology.ts"
import { Attention, attention } from "../exit.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { withSettings } from "./root.ts"
import { layerMemory } from "./services.ts"

const versionWords = ({ applied_version_hash: hash }: Remembered): string =>
  hash === null || hash === "" ? "none: it is not applied" : hash

const formatState = (found: Remembered, now: number): string => {
  const { applied_at, generation, last_error, topology_id } = found
  const rest = [["generation", String(generation)], ...(last_error === null ? [] : [["last error", last_error]])]
  if (topology_id === null) return table([["topology", "none"], ...rest])
  return table([
    ["topology", topology_id],
    ["version", versionWords(found)],
    ["as of", applied_at === null ? "?" : relative(applied_at * 1000, now)],
    ...rest
  ])
}

export const stateCommand = Command.make("state", { json }, (flags) =>
  withSettings((settings) =>
    Effect.gen(function* () {
      const memory = yield* AppliedTopology
      const found = yield* memory.read
      yield* flags.json ? printJson(found) : Console.log(formatState(found, yield* Clock.currentTimeMillis))
      if (found.last_error !== null) return yield* new Attention()
    }).pipe(
      Effect.provide(layerMemory(settings)),
      Effect.catchTag("MemoryTrouble", ({ message }) => attention(message))
    )
  )
).pipe(
  Command.withDescription("Show what the agent remembers of the topology; asks neither the agent nor the engine"),
  Command.withExamples([
    { command: "cis490-agent state", description: "What was applied last, and how that went" },
    { command: "cis490-agent state --json", description: "The same for a script" }
  ])
)
