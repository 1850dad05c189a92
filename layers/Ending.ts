import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Ending } from "../src/services/Ending.ts"
import { exitNow } from "./ffi.ts"

/** Node waits for its threads at the end, also for one that the kernel will never give back. */
export const layerNode = Layer.succeed(Ending, {
  waitsForNothing: Effect.sync(() => void process.once("exit", (code) => exitNow(code)))
})
