/** The gate over a branch: the last commits of it may write, as far as one source or another says which those are. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Commit } from "../domain/names.ts"
import type { Problem } from "../domain/protocol.ts"
import type { CommitSource } from "../services/CommitSource.ts"
import { withDeadline } from "./commitSource/deadline.ts"
import { type Fatal, orEndProgram } from "./Fatal.ts"
import { Gate } from "./gate.ts"
import { headOf, type Knowledge, knows, nothing, replaced, widened } from "./knowledge.ts"
import { makeRefreshes } from "./refreshes.ts"

export interface Sources {
  /** Only this one can say that a commit is not in the window. */
  readonly first: CommitSource["Service"]
  /** Asked when the first gives nothing. */
  readonly fallback: CommitSource["Service"] | undefined
}

export interface WindowGate {
  /** Of what is known. From then on it is asked for anew in the background. */
  readonly ttlMillis: number
  /** What a refused host should run. */
  readonly remediation: string
}

const FIRST_MILLIS = 20_000
const FALLBACK_MILLIS = 5000
const APART_MILLIS = 1000
const RETRY_AFTER_S = 5
/** A host that checks in is told what is known by then. */
const CHECK_IN_MILLIS = 5000

/** What one refresh came to. `doubt`: why a commit that is not known may be allowed all the same. */
interface Outcome {
  readonly source: string
  readonly doubt: string | undefined
}

const outOfWindow = (commit: Commit, head: Commit | null, remediation: string): Problem => ({
  problem: "out-of-window",
  error: `the code commit ${commit} is not among the last commits of the branch; update the code of this host`,
  remediation,
  members: { your_commit: commit, head_commit: head }
})

const commitUnknown = (commit: Commit, doubt: string): Problem => ({
  problem: "commit-unknown",
  error: `whether the code commit ${commit} is allowed cannot be told now: ${doubt}`,
  retryAfter: RETRY_AFTER_S
})

/** Says where the commits come from, whenever that changes. */
const makeAnnouncer = () => {
  let said = ""
  return ({ doubt, source }: Outcome, knowledge: Knowledge) =>
    Effect.suspend(() => {
      const state = `${source} ${doubt === undefined}`
      if (state === said) return Effect.void
      said = state
      const head = headOf(knowledge)
      const about = { source, ...(head === null ? {} : { head }), ...(doubt === undefined ? {} : { why: doubt }) }
      const say =
        source === "none"
          ? Effect.logError("the gate cannot learn which commits are allowed; what it knew stands, the rest is put off")
          : doubt === undefined
            ? Effect.logInfo("the gate knows the allowed commits")
            : Effect.logWarning("the gate does not know all allowed commits; those it misses are put off")
      return Effect.annotateLogs(say, about)
    })
}

const make = Effect.fnUntraced(function* (sources: Sources, { remediation, ttlMillis }: WindowGate) {
  const first = withDeadline(sources.first, FIRST_MILLIS)
  const fallback = sources.fallback && withDeadline(sources.fallback, FALLBACK_MILLIS)
  const announce = makeAnnouncer()
  let knowledge = nothing
  let asked: bigint | undefined

  const fallBack = Effect.fnUntraced(function* (why: string) {
    if (fallback === undefined) return { source: "none", doubt: why }
    const result = yield* Effect.result(fallback.window)
    if (Result.isFailure(result)) return { source: "none", doubt: `${why}; ${result.failure.message}` }
    knowledge = widened(knowledge, result.success)
    return { source: `${fallback.name}-fallback`, doubt: why }
  })

  const refresh = Effect.gen(function* () {
    asked = yield* Clock.monotonicTimeNanos
    const result = yield* Effect.result(first.window)
    if (Result.isSuccess(result)) knowledge = replaced(result.success)
    const outcome: Outcome = Result.isSuccess(result)
      ? { source: first.name, doubt: result.success.shortfall }
      : yield* fallBack(result.failure.message)
    yield* announce(outcome, knowledge)
    return outcome
  })

  const refreshes = yield* makeRefreshes(
    yield* Effect.map(Effect.context<Fatal>(), (context) => orEndProgram(refresh).pipe(Effect.provideContext(context))),
    APART_MILLIS
  )

  const freshen = Effect.gen(function* () {
    const now = yield* Clock.monotonicTimeNanos
    if (asked === undefined || Number(now - asked) >= ttlMillis * 1e6) yield* Effect.asVoid(refreshes.request)
  })

  const learn = Effect.fnUntraced(function* (commit: Commit) {
    const next = yield* refreshes.request
    // One that is under way may have seen it already.
    yield* refreshes.soonest
    if (knows(knowledge, commit)) return
    const { doubt } = yield* next
    if (knows(knowledge, commit)) return
    return yield* Effect.fail(
      doubt === undefined ? outOfWindow(commit, headOf(knowledge), remediation) : commitUnknown(commit, doubt)
    )
  })

  const admit = (commit: Commit): Effect.Effect<void, Problem> =>
    Effect.suspend(() => (knows(knowledge, commit) ? freshen : learn(commit)))

  const allows = (commit: Commit) =>
    Effect.result(admit(commit)).pipe(
      Effect.map((result) => {
        if (Result.isSuccess(result)) return true
        return result.failure.problem === "out-of-window" ? false : undefined
      }),
      Effect.timeoutOption(CHECK_IN_MILLIS),
      Effect.map(Option.getOrUndefined)
    )

  const head = Effect.gen(function* () {
    yield* freshen
    if (headOf(knowledge) === null) yield* Effect.timeoutOption(refreshes.soonest, CHECK_IN_MILLIS)
    return headOf(knowledge)
  })

  yield* freshen
  return Gate.of({ enabled: true, remediation, admit, allows, head })
})

/**
 * Begins to ask at once, and waits for nothing. A commit that is known is let in without waiting; one that is not is refused only
 * on what the first source said after it was asked about.
 */
export const layer = <E, R>(
  sources: Effect.Effect<Sources, E, R>,
  options: WindowGate
): Layer.Layer<Gate, E, Exclude<R, Scope.Scope> | Fatal> =>
  Layer.effect(
    Gate,
    Effect.flatMap(sources, (found) => make(found, options))
  )
