import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { EpisodeId } from "../../src/domain/names.ts"
import { hostTrouble } from "../../src/shipper/hostTrouble.ts"
import { Patience } from "../../src/shipper/Patience.ts"
import { DiskNearlyFull } from "../../src/shipper/pack.ts"
import { newRun } from "../../src/shipper/run.ts"

const ids = ["E1", "E2", "E3"].map((id) => EpisodeId.make(id))

/** A pass in which no tarball fits; what stopped it. */
const passOn = Effect.fnUntraced(function* (free: string) {
  const run = newRun([])
  for (const id of ids)
    yield* hostTrouble(run, id, new DiskNearlyFull({ message: `disk nearly full: ${free} are free` }))
  return run.stop?.error
})

it.effect("a tarball that does not fit is tried hourly, and what stops the pass for it is always the same", () =>
  Effect.gen(function* () {
    const { isDue } = yield* Patience
    const due = Effect.forEach(ids, isDue)
    const stop = yield* passOn("7.9 MiB")
    expect(stop).toMatch(/^this host: disk nearly full; to mend: /)
    expect(yield* passOn("8.0 MiB")).toBe(stop)
    yield* TestClock.adjust("59 minutes")
    expect(yield* due).toEqual([false, false, false])
    yield* TestClock.adjust("2 minutes")
    expect(yield* due).toEqual([true, true, true])
  }).pipe(Effect.provide(Patience.layer([1])))
)
