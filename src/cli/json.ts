import * as Console from "effect/Console"
import * as Flag from "effect/cli/Flag"

/** Of every command that reports. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print one JSON document instead of text"),
  Flag.withDefault(false)
)

export const printJson = (value: unknown) => Console.log(JSON.stringify(value, null, 2))
