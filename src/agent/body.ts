import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Stream from "effect/Stream"
import type { AgentProblem } from "./problems.ts"

/** Far more than any topology that a host could run. */
const MAX_BODY_BYTES = 8 * 1024 * 1024
const PATIENCE = "60 seconds"

const stalled = (error: string): AgentProblem => ({
  problem: "body-stalled",
  error,
  remediation: "nothing was done; send it again"
})

const tooLarge: AgentProblem = { problem: "too-large", error: `the body has more than ${MAX_BODY_BYTES} bytes` }

/** The body as text. Only until it is there may a client change its mind. */
export const readText = (request: HttpServerRequest): Effect.Effect<string, AgentProblem> =>
  Effect.suspend(() => {
    let bytes = 0
    const decoder = new TextDecoder()
    return request.stream.pipe(
      Stream.mapError(() => stalled("the connection was cut before the body was there")),
      Stream.mapEffect((chunk) =>
        (bytes += chunk.length) > MAX_BODY_BYTES ? Effect.fail(tooLarge) : Effect.succeed(chunk)
      ),
      Stream.runFold(
        () => "",
        (text: string, chunk) => text + decoder.decode(chunk, { stream: true })
      )
    )
  }).pipe(
    Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.fail(stalled("the body stood still")) }),
    Effect.interruptible,
    Effect.catchCauseIf(Cause.hasInterruptsOnly, () =>
      Effect.fail(stalled("the client went away, or the agent is stopping"))
    )
  )
