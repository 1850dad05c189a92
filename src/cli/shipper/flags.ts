import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { UsageError } from "../exit.ts"

export const all = (what: string) => Flag.Boolean("all").pipe(Flag.withDescription(what), Flag.withDefault(false))

export const names = (metavar: string, what: string) =>
  Argument.String(metavar).pipe(Argument.withDescription(what), Argument.variadic())

/** Nothing is done to everything because a name was forgotten, nor to less than was asked. */
export const exactlyOne = (ways: Readonly<Record<string, boolean>>) => {
  const given = Object.keys(ways).filter((way) => ways[way])
  if (given.length === 1) return Effect.void
  const choices = Object.keys(ways).join(" or ")
  const found = given.length === 0 ? "none is given" : `${given.join(" and ")} are given`
  return Effect.fail(new UsageError({ message: `say ${choices}: ${found}` }))
}
