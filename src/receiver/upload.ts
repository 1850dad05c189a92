import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Option from "effect/Option"
import type { Problem, StoredAnswer } from "../domain/protocol.ts"
import { json } from "./answers.ts"
import { abandonable } from "./body.ts"
import { Gate } from "./gate.ts"
import { type Client, mayWriteAs } from "./identity.ts"
import { Intake } from "./intake.ts"
import { mistake, statusOf } from "./problems.ts"
import { announcementIn, ask, refuseIf } from "./questions.ts"
import { namesIn, type Target } from "./target.ts"

const STATUS = { stored: 201, already_present: 200 } as const satisfies Record<StoredAnswer["status"], number>

type Episode = Extract<Target, { readonly _tag: "Episode" }>

const decide = Effect.fnUntraced(function* (
  request: HttpServerRequest,
  target: Episode,
  client: Client,
  onBytes: (received: number) => void
) {
  const gate = yield* Gate
  const intake = yield* Intake
  const names = yield* Effect.fromResult(namesIn(target))
  yield* refuseIf(mayWriteAs(client, names.hostId))
  const announced = yield* Effect.fromResult(announcementIn(names, request.headers, gate))
  const reply = yield* abandonable(ask(announced, intake.roomFor))
  return reply._tag === "Known" ? reply.answer : yield* intake.take(request, announced, { isNew: reply.isNew, onBytes })
})

/** `undefined` when it was a defect. */
const problemIn = (cause: Cause.Cause<Problem>): Problem | undefined =>
  Cause.hasDies(cause) ? undefined : Option.getOrUndefined(Cause.findErrorOption(cause))

/** The one line that an upload leaves in the log. Names are quoted as they came: they may be malformed. */
const logged = (request: HttpServerRequest, target: Episode) => {
  const trace = Option.getOrUndefined(HttpTraceContext.w3c(request.headers))
  return Effect.fnUntraced(function* (exit: Exit.Exit<StoredAnswer, Problem>, bytes: number, ms: number) {
    const about = {
      host: target.hostId.slice(0, 200),
      episode: target.episodeId.slice(0, 200),
      bytes,
      ms,
      ...(trace === undefined ? {} : { trace: trace.traceId })
    }
    const say = Exit.match(exit, {
      onSuccess: ({ status }) => Effect.annotateLogs(Effect.logInfo(status), { status: STATUS[status] }),
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
    yield* Effect.annotateLogs(say, about)
  })
}

/** `PUT /v1/episodes/{host_id}/{episode_id}`. */
export const upload = Effect.fnUntraced(function* (request: HttpServerRequest, target: Episode, client: Client) {
  const log = logged(request, target)
  let received = 0
  const started = yield* Clock.monotonicTimeNanos
  const exit = yield* Effect.exit(
    decide(request, target, client, (bytes) => {
      received = bytes
    })
  )
  const ended = yield* Clock.monotonicTimeNanos
  yield* log(exit, received, Math.round(Number(ended - started) / 1e6))
  if (Exit.isSuccess(exit)) return json(STATUS[exit.value.status], exit.value)
  return yield* Effect.fail(problemIn(exit.cause) ?? mistake)
})
