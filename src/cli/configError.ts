import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { SettingProblem } from "../domain/decodeSettings.ts"

const Problem = Schema.Struct({
  key: Schema.optionalKey(Schema.String),
  found: Schema.String,
  wants: Schema.String,
  variable: Schema.optionalKey(Schema.String)
})

const line = ({ key, found, wants, variable }: SettingProblem): string =>
  `  ${key === undefined ? "" : `${key}: `}found ${found}${variable === undefined ? "" : ` in ${variable}`}, wants ${wants}`

/** A configuration that cannot be used: every problem of it, none with a secret in it. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  file: Schema.String,
  problems: Schema.Array(Problem),
  /** The tables of other programs: one of them may be a misspelt one of ours. */
  warning: Schema.optionalKey(Schema.String)
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get [CliError.userMessage](): string {
    return this.message
  }
  override get message(): string {
    return [
      `configuration ${this.file} cannot be used:`,
      ...this.problems.map(line),
      ...(this.warning === undefined ? [] : [`  (${this.warning})`])
    ].join("\n")
  }
}
