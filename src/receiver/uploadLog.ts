/** The one line that a request with a part of an episode, or the whole of it, leaves in the log. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Option from "effect/Option"
import type { Problem, StoredAnswer } from "../domain/protocol.ts"
import { mistake, statusOf } from "./problems.ts"

export const STATUS = { stored: 201, already_present: 200 } as const satisfies Record<StoredAnswer["status"], number>

/** What a request came to. */
export interface Said {
  readonly words: string
  readonly status: number
  /** One of many on the way: not for everybody to read. */
  readonly isStep?: boolean
}

export const saidOf = ({ status }: StoredAnswer): Said => ({ words: status, status: STATUS[status] })

/** Names are quoted as they came: they may be malformed. */
interface About {
  readonly hostId: string
  readonly episodeId: string
}

/** `undefined` when it was a defect. */
const problemIn = (cause: Cause.Cause<Problem>): Problem | undefined =>
  Cause.hasDies(cause) ? undefined : Option.getOrUndefined(Cause.findErrorOption(cause))

const lineOf = (exit: Exit.Exit<Said, Problem>): Effect.Effect<void> =>
  Exit.match(exit, {
    onSuccess: ({ isStep, status, words }) =>
      Effect.annotateLogs(isStep === true ? Effect.logDebug(words) : Effect.logInfo(words), { status }),
    onFailure: (cause) => {
      const problem = problemIn(cause)
      return problem === undefined
        ? Effect.annotateLogs(Effect.logError("an upload met a mistake of the receiver's", cause), { status: 500 })
        : Effect.annotateLogs(Effect.logWarning(`refused: ${problem.error}`), {
            status: statusOf(problem),
            problem: problem.problem
          })
    }
  })

/** Does the work and says what it came to. `work` is given what it tells once how many bytes came. A mistake of ours is a problem too. */
export const logged = Effect.fnUntraced(function* <A, R>(
  request: HttpServerRequest,
  { episodeId, hostId }: About,
  said: (value: A) => Said,
  work: (onBytes: (received: number) => void) => Effect.Effect<A, Problem, R>
) {
  const trace = Option.getOrUndefined(HttpTraceContext.w3c(request.headers))
  let bytes = 0
  const started = yield* Clock.monotonicTimeNanos
  const exit = yield* Effect.exit(
    work((received) => {
      bytes = received
    })
  )
  const ended = yield* Clock.monotonicTimeNanos
  yield* lineOf(Exit.map(exit, said)).pipe(
    Effect.annotateLogs({
      host: hostId.slice(0, 200),
      episode: episodeId.slice(0, 200),
      bytes,
      ms: Math.round(Number(ended - started) / 1e6),
      ...(trace === undefined ? {} : { trace: trace.traceId })
    })
  )
  if (Exit.isSuccess(exit)) return exit.value
  return yield* Effect.fail(problemIn(exit.cause) ?? mistake)
})
