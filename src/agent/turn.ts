/** One order at a time, whoever gives it: also where two agents have one memory. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Volume } from "../services/Volume.ts"
import { wordsOf } from "../systemError.ts"
import { Host } from "./host.ts"
import type { AgentProblem } from "./problems.ts"

export class Turn extends Context.Service<
  Turn,
  {
    /**
     * Carries an order out when its turn has come, also when nobody waits for it any more. Only the end of the program ends it, in
     * whatever it is doing, as a crash would.
     */
    readonly take: <A, R>(order: Effect.Effect<A, AgentProblem, R>) => Effect.Effect<A, AgentProblem, R>
  }
>()("cis490/agent/Turn") {}

const busy = (error: string): AgentProblem => ({ problem: "busy", error, remediation: "send it again" })

const unattended = busy("the agent is stopping, or nobody waits for the answer")

export const layer = Layer.effect(
  Turn,
  Effect.gen(function* () {
    const { directory } = yield* Host
    const volume = yield* Volume
    const program = yield* Effect.scope
    const one = yield* Semaphore.make(1)
    const lock = volume.lock(`${directory}/orders.lock`).pipe(
      Effect.catchTags({
        LockHeld: ({ pid }) =>
          Effect.fail(busy(`another agent, pid ${pid ?? "unknown"}, obeys an order with the same ${directory}`)),
        PlatformError: (error) => Effect.fail(busy(`${directory} cannot be used: ${wordsOf(error)}`))
      })
    )
    return Turn.of({
      take: (order) =>
        one.withPermit(Effect.scoped(Effect.andThen(lock, order))).pipe(
          Effect.forkIn(program),
          Effect.flatMap((fiber) => Effect.interruptible(Fiber.join(fiber))),
          Effect.catchCauseIf(Cause.hasInterruptsOnly, () => Effect.fail(unattended))
        )
    })
  })
)
