/** Exit status: 0 all well; 1 it ran and something needs attention; 2 usage or configuration. */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/** It ran and something needs attention; what that is has been printed. */
export class Attention extends Schema.TaggedError<Attention>()("Attention", {}) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
}

/** The arguments are each well-formed and do not go together. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [CliError.userMessage] = this.message
}

/** Says on stderr what is wrong, and ends with 1. */
export const attention = (words: string) => Effect.andThen(Console.error(words), Effect.fail(new Attention()))

/** The configuration, or what it names, cannot be used; what about it has been printed. */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [Runtime.errorReported] = false
}

/** Says on stderr what cannot be used, and ends with 2. */
export const configurationFault = (words: string) =>
  Effect.andThen(Console.error(words), Effect.fail(new Misconfigured()))

/** A stop that was asked for is no failure; what the parser refuses is the caller's mistake. */
export const teardown: Runtime.Teardown = (exit, done) => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return done(0)
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error) && error._tag !== "UserError") return done(2)
  return Runtime.defaultTeardown(exit, done)
}
