/** Holds the lock named by its argument, says so, and stays as long as its stdin is open. */
import * as Effect from "effect/Effect"
import { layerVolume } from "../../layers/Volume.ts"
import { Volume } from "../../src/services/Volume.ts"

Effect.gen(function* () {
  const volume = yield* Volume
  yield* volume.lock(process.argv[2] ?? "")
  yield* Effect.sync(() => process.stdout.write("held\n"))
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(layerVolume), Effect.runFork)
process.stdin.on("end", () => process.exit()).resume()
