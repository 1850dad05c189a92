/** How an operator's command tells what it did: name by name, because one that cannot be done never stops the others. */
import * as Effect from "effect/Effect"
import type { PlatformError, SystemErrorTag } from "effect/PlatformError"
import * as Schema from "effect/Schema"

/** What was asked cannot be done, and why. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

export interface Failure {
  readonly name: string
  readonly error: string
}

export interface Report<A> {
  readonly done: ReadonlyArray<A>
  readonly failed: ReadonlyArray<Failure>
}

const words: Partial<Record<SystemErrorTag, string>> = {
  NotFound: "is not there",
  PermissionDenied: "permission denied; run this as the user cis490 or as root",
  AlreadyExists: "is there already",
  Busy: "is in use"
}

/** An error as a person wants to read it. */
export const inWords = (error: Refused | PlatformError): string => {
  if (error._tag === "Refused" || error.reason._tag === "BadArgument") return error.message
  const { _tag, pathOrDescriptor, cause } = error.reason
  const what = words[_tag] ?? (cause instanceof Error ? cause.message : error.message)
  return pathOrDescriptor === undefined ? what : `${pathOrDescriptor}: ${what}`
}

/** Acts on each name, once each, in the order given. What answers with nothing is not reported. */
export const forEachName = <A, R>(
  names: Iterable<string>,
  act: (name: string) => Effect.Effect<A | undefined, Refused | PlatformError, R>
): Effect.Effect<Report<A>, never, R> =>
  Effect.partition(new Set(names), (name) =>
    Effect.mapError(act(name), (error): Failure => ({ name, error: inWords(error) }))
  ).pipe(Effect.map(([done, failed]) => ({ done: done.filter((answer) => answer !== undefined), failed })))
