import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Ending } from "../src/services/Ending.ts"
import { exitNow } from "./ffi.ts"

/** Node waits for its threads at the end, also for one that the kernel will never give back. */
const waitForNoThread = (): void => void process.once("exit", (code) => exitNow(code))

export const layerNode = Layer.succeed(Ending, { waitsForNothing: Effect.sync(waitForNoThread) })

/** It is to end within 10 s, and the last steps take a moment. */
const PATIENCE_MILLIS = 9000

const giveUp = Effect.gen(function* () {
  yield* Effect.sleep(PATIENCE_MILLIS)
  yield* Effect.logWarning(
    "ends without waiting for a disk that does not answer; the next start goes on from what is on it"
  )
  process.exit(0)
})

/**
 * Sees to it that a program which a crash may end anywhere ends soon after it was asked to stop, also where a thread
 * hangs. Where the main thread does (`services/LocalDisk.ts`), systemd ends it at its `TimeoutStopSec`.
 */
export const inTime = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.context(), (context) => {
    const stop = (): void => {
      waitForNoThread()
      Effect.runForkWith(context)(giveUp)
    }
    process.once("SIGINT", stop).once("SIGTERM", stop)
    return Effect.ensuring(
      program,
      Effect.sync(() => void process.off("SIGINT", stop).off("SIGTERM", stop))
    )
  })
