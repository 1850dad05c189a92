import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { counted } from "../../domain/humanize.ts"
import { type DrainReport, drain } from "../../shipper/operator/drain.ts"
import { Attention } from "../exit.ts"
import { json, printJson } from "../json.ts"
import { table } from "../table.ts"
import { onHost } from "./root.ts"

const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Only say what would be moved"),
  Flag.withDefault(false)
)

export const drainCommand = Command.make("drain", { dryRun, json }, (flags) =>
  onHost(
    Effect.fnUntraced(function* () {
      const report = yield* drain({ dryRun: flags.dryRun })
      yield* flags.json ? printJson(report) : Console.log(formatDrain(report, flags.dryRun))
      if (report.failed.length > 0) return yield* new Attention()
    })
  )
).pipe(
  Command.withDescription("Move ready episodes that do not say which code made them to quarantine/"),
  Command.withExamples([
    { command: "cis490-shipper drain --dry-run", description: "See which episodes carry no code commit" },
    { command: "cis490-shipper drain", description: "Move them out of the way" }
  ])
)

const formatDrain = (report: DrainReport, dryRun: boolean): string => {
  const { examined, unstamped, moved, failed, skipped } = report
  const named = new Map(moved.map(({ id, name }) => [id, name]))
  const lines = [
    ...unstamped
      .filter(({ id }) => dryRun || named.has(id))
      .map(({ id, why }) => [id, dryRun ? `would go to quarantine: ${why}` : `to quarantine/${named.get(id)}: ${why}`]),
    ...skipped.map(({ id, why }) => [id, `left alone: ${why}`]),
    ...failed.map(({ name, error }) => [name, `failed: ${error}`])
  ]
  const looked = `looked at ${counted(examined, "ready episode")}`
  const outcome = dryRun
    ? `would move ${unstamped.length}, leave ${skipped.length} alone, failed on ${failed.length}`
    : `moved ${moved.length}, left ${skipped.length} alone, failed on ${failed.length}`
  return [...(lines.length === 0 ? [] : [table(lines)]), `${looked}: ${outcome}`].join("\n")
}
