/** How the looks are taken: all at once, each for so long and no longer. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import { Ending } from "../services/Ending.ts"
import { codeOf, wordsOf } from "../systemError.ts"
import { Ourselves } from "./ourselves.ts"
import { type Finding, type Row, yellow } from "./row.ts"

export interface Check<R> {
  readonly check: string
  readonly target: string
  /** With what to look closer where the look itself hangs or fails. */
  readonly closer: string
  /** The check on which this one stands: where neither answers, only that one is said. */
  readonly needs?: string
  readonly look: Effect.Effect<ReadonlyArray<Finding>, PlatformError, R>
}

/** Checks that need different things, as checks that need all of them. */
export const checksOf = <C extends Check<unknown>>(
  checks: ReadonlyArray<C>
): ReadonlyArray<Check<Effect.Services<C["look"]>>> =>
  checks as ReadonlyArray<Check<unknown>> as ReadonlyArray<Check<Effect.Services<C["look"]>>>

/** The configuration is read before all else, for so long at most; then the looks are taken; with what comes after them, all ends within 15 s. */
export const CONFIG_MILLIS = 2000
export const LOOK_MILLIS = 8000
/** What hangs is given up in the background for so long: a program that was started is killed. */
const GIVE_UP_MILLIS = 1500

const isDenied = (error: PlatformError): boolean =>
  error.reason._tag === "PermissionDenied" || ["EACCES", "EPERM"].includes(codeOf(error) ?? "")

const failed = Effect.fnUntraced(function* (error: PlatformError, closer: string) {
  const { asRoot } = yield* Ourselves
  return isDenied(error)
    ? yellow(`this user may not look: ${wordsOf(error)}`, asRoot("doctor"))
    : yellow(`cannot be looked at: ${wordsOf(error)}`, closer)
})

/** What a look came to, and whether it was given up. */
export interface Looked<A> {
  readonly answer: A | undefined
  /** Ends when what was given up has let go, or will not. */
  readonly lettingGo: Effect.Effect<void>
}

/** Takes a look that may hang in a way that cannot be interrupted. */
export const within = Effect.fnUntraced(function* <A, R>(millis: number, look: Effect.Effect<A, never, R>) {
  const fiber = yield* Effect.forkDetach(look)
  const exit = yield* Effect.timeoutOption(Fiber.await(fiber), millis)
  if (Option.isSome(exit)) {
    const answer = yield* Exit.isSuccess(exit.value)
      ? Effect.succeed(exit.value.value)
      : Effect.failCause(exit.value.cause)
    return { answer, lettingGo: Effect.void } satisfies Looked<A> as Looked<A>
  }
  const interrupting = yield* Effect.forkDetach(Fiber.interrupt(fiber))
  const { waitsForNothing } = yield* Ending
  const lettingGo = Effect.andThen(Effect.timeoutOption(Fiber.await(interrupting), GIVE_UP_MILLIS), waitsForNothing)
  return { answer: undefined, lettingGo: Effect.asVoid(lettingGo) } satisfies Looked<A> as Looked<A>
})

const silent = (millis: number, closer: string): Finding => yellow(`did not answer within ${millis / 1000} s`, closer)

const rowOf = ({ check, target }: Pick<Check<never>, "check" | "target">, finding: Finding): Row => ({
  check: finding.check ?? check,
  target: finding.target ?? target,
  state: finding.state,
  found: finding.found,
  mend: finding.mend
})

const take = Effect.fnUntraced(function* <R>(check: Check<R>, millis: number) {
  const { closer, look } = check
  const safe = look.pipe(
    Effect.catch((error) => Effect.map(failed(error, closer), (finding) => [finding])),
    Effect.catchDefect((defect) =>
      Effect.as(Effect.logError("a look met a mistake of doctor's", defect), [
        yellow(`cannot be looked at: a mistake in doctor (${String(defect)})`, closer)
      ])
    )
  )
  const { answer, lettingGo } = yield* within(millis, safe)
  const findings = answer ?? [silent(millis, closer)]
  return { check, answered: answer !== undefined, rows: findings.map((finding) => rowOf(check, finding)), lettingGo }
})

/** The rows of all checks, in their order. */
export const examine = Effect.fnUntraced(function* <R>(checks: ReadonlyArray<Check<R>>, millis: number = LOOK_MILLIS) {
  const taken = yield* Effect.forEach(checks, (check) => take(check, millis), { concurrency: "unbounded" })
  const silent = new Set(taken.filter(({ answered }) => !answered).map(({ check }) => check.check))
  const said = taken.filter(({ answered, check }) => answered || check.needs === undefined || !silent.has(check.needs))
  return {
    rows: said.flatMap(({ rows }) => rows),
    lettingGo: Effect.forEach(taken, ({ lettingGo }) => lettingGo, { concurrency: "unbounded", discard: true })
  }
})
