import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { Problem } from "../../src/domain/protocol.ts"
import * as Fatal from "../../src/receiver/Fatal.ts"
import { Gate } from "../../src/receiver/gate.ts"
import * as WindowGate from "../../src/receiver/windowGate.ts"
import { type CommitWindow, SourceFailed } from "../../src/services/CommitSource.ts"
import { commit, makeSource, recordSources, windowOf } from "../support/commits.ts"

const REMEDIATION = "cd /opt/cis490 && git pull"
const down = (source: string) => Effect.fail(new SourceFailed({ source, message: `${source} is down` }))

/** Commits 100 to 91 stand on the first source when it begins. */
const makeWorld = () => {
  const first = makeSource("forgejo", Effect.succeed(windowOf(100, 91)))
  const fallback = makeSource("git", down("git"))
  const logs = recordSources()
  const layer = (withFallback: boolean) =>
    WindowGate.layer(Effect.succeed({ first: first.source, fallback: withFallback ? fallback.source : undefined }), {
      ttlMillis: 5000,
      remediation: REMEDIATION
    }).pipe(Layer.provideMerge(Fatal.layer), Layer.provideMerge(logs.layer))
  return { first: first.control, fallback: fallback.control, logs: logs.said, layer }
}
type World = ReturnType<typeof makeWorld>

const scenario = <E>(
  body: (gate: Gate["Service"], world: World) => Effect.Effect<void, E, Fatal.Fatal | Scope.Scope>,
  { alone = false, begin = (_: World): void => undefined } = {}
) =>
  Effect.suspend(() => {
    const world = makeWorld()
    begin(world)
    return Effect.gen(function* () {
      const gate = yield* Gate
      yield* TestClock.adjust(0)
      yield* body(gate, world)
    }).pipe(Effect.scoped, Effect.provide(world.layer(!alone)))
  })

/** `admitted`, the problem, or `waits`. */
const asked = (gate: Gate["Service"], n: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkScoped(Effect.result(gate.admit(commit(n))))
    yield* TestClock.adjust(0)
    return {
      fiber,
      now: () => {
        const exit = fiber.pollUnsafe()
        if (exit === undefined) return "waits"
        if (Exit.isFailure(exit)) return "gave up"
        return exit.value._tag === "Success" ? "admitted" : exit.value.failure.problem
      },
      problem: Effect.flatMap(Fiber.join(fiber), (result) =>
        result._tag === "Failure" ? Effect.succeed<Problem>(result.failure) : Effect.die(new Error("it was admitted"))
      )
    }
  })

/** Says its window only when it is let go. */
const held = (newest: number, oldest: number) => {
  const gone = Deferred.makeUnsafe<void>()
  return {
    says: Effect.as(Deferred.await(gone), windowOf(newest, oldest)),
    letGo: Effect.andThen(Deferred.succeed(gone, undefined), TestClock.adjust(0))
  }
}

describe("what is known", () => {
  it.effect("is let in without asking again", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        for (const n of [100, 95, 91]) expect((yield* asked(gate, n)).now()).toBe("admitted")
        expect(first.asked).toBe(1)
        expect(yield* gate.head).toBe(commit(100))
      })
    )
  )

  it.effect("is asked for anew when it is as old as the TTL, and nobody waits for that", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(4999)
        yield* asked(gate, 100)
        expect(first.asked).toBe(1)
        yield* TestClock.adjust(1)
        first.says = Effect.never
        expect((yield* asked(gate, 100)).now()).toBe("admitted")
        expect(first.asked).toBe(2)
        expect((yield* asked(gate, 91)).now()).toBe("admitted")
        expect(yield* gate.head).toBe(commit(100))
        expect(first.asked).toBe(2)
      })
    )
  )

  it.effect("goes when the history is written anew", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        first.says = Effect.succeed(windowOf(205, 196))
        yield* TestClock.adjust(5000)
        expect((yield* asked(gate, 91)).now()).toBe("admitted")
        yield* TestClock.adjust(1000)
        const { problem } = yield* asked(gate, 91)
        yield* TestClock.adjust(1000)
        expect((yield* problem).members).toEqual({ your_commit: commit(91), head_commit: commit(205) })
      })
    )
  )
})

describe("a miss", () => {
  it.effect("is refused only after one more look, with the members and the mend", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        const miss = yield* asked(gate, 90)
        expect(miss.now()).toBe("waits")
        yield* TestClock.adjust(999)
        expect([miss.now(), first.asked]).toEqual(["waits", 1])
        yield* TestClock.adjust(1)
        expect(first.asked).toBe(2)
        expect(yield* miss.problem).toEqual({
          problem: "out-of-window",
          error: expect.stringContaining(commit(90)),
          remediation: REMEDIATION,
          members: { your_commit: commit(90), head_commit: commit(100) }
        })
      })
    )
  )

  it.effect("finds what was pushed a moment ago", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        first.says = Effect.succeed(windowOf(101, 92))
        const miss = yield* asked(gate, 101)
        yield* TestClock.adjust(1000)
        expect(miss.now()).toBe("admitted")
        expect(yield* gate.head).toBe(commit(101))
      })
    )
  )

  it.effect("is not refused by a look that began before it", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        const slow = held(100, 91)
        first.says = slow.says
        yield* TestClock.adjust(5000)
        yield* asked(gate, 100)
        expect(first.asked).toBe(2)
        const miss = yield* asked(gate, 101)
        first.says = Effect.succeed(windowOf(101, 92))
        yield* TestClock.adjust(1000)
        expect(miss.now()).toBe("waits")
        yield* slow.letGo
        expect([miss.now(), first.asked]).toEqual(["admitted", 3])
      })
    )
  )

  it.effect("is let in by a look that began before it", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        const slow = held(101, 92)
        first.says = slow.says
        yield* TestClock.adjust(5000)
        yield* asked(gate, 100)
        const miss = yield* asked(gate, 101)
        first.says = Effect.never
        yield* slow.letGo
        expect(miss.now()).toBe("admitted")
      })
    )
  )

  it.effect("in a burst shares one look, and the next burst waits its second", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(1000)
        const burst = yield* Effect.forEach(Array.from({ length: 50 }), () => asked(gate, 1))
        expect(burst.every((miss) => miss.now() === "out-of-window" || miss.now() === "waits")).toBe(true)
        yield* TestClock.adjust(1000)
        expect(burst.every((miss) => miss.now() === "out-of-window")).toBe(true)
        const before = first.asked
        const later = yield* Effect.forEach(Array.from({ length: 50 }), () => asked(gate, 1))
        yield* TestClock.adjust(1000)
        expect(later.every((miss) => miss.now() === "out-of-window")).toBe(true)
        expect(first.asked - before).toBe(1)
        expect(first.most).toBe(1)
      })
    )
  )

  it.effect("that gives up takes the look from nobody", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        const slow = held(101, 92)
        first.says = slow.says
        yield* TestClock.adjust(1000)
        const impatient = yield* asked(gate, 101)
        const patient = yield* asked(gate, 101)
        yield* Fiber.interrupt(impatient.fiber)
        yield* slow.letGo
        expect([impatient.now(), patient.now(), first.asked]).toEqual(["gave up", "admitted", 2])
      })
    )
  )
})

describe("not knowing", () => {
  it.effect("is never a refusal for good, and keeps what was known", () =>
    scenario((gate, { fallback, first }) =>
      Effect.gen(function* () {
        first.says = down("forgejo")
        const miss = yield* asked(gate, 90)
        yield* TestClock.adjust(1000)
        expect(yield* miss.problem).toEqual({
          problem: "commit-unknown",
          error: expect.stringContaining("forgejo is down; git is down"),
          retryAfter: expect.any(Number)
        })
        expect((yield* asked(gate, 91)).now()).toBe("admitted")
        expect(fallback.asked).toBe(1)
        first.says = Effect.succeed(windowOf(100, 90))
        const again = yield* asked(gate, 90)
        yield* TestClock.adjust(1000)
        expect(again.now()).toBe("admitted")
      })
    )
  )

  it.effect("from the beginning puts everything off", () =>
    scenario(
      (gate) =>
        Effect.gen(function* () {
          expect(
            yield* gate.allows(commit(100)).pipe(
              Effect.forkChild,
              Effect.tap(() => TestClock.adjust(1000)),
              Effect.flatMap(Fiber.join)
            )
          ).toBeUndefined()
          const miss = yield* asked(gate, 100)
          yield* TestClock.adjust(1000)
          expect((yield* miss.problem).problem).toBe("commit-unknown")
          expect(yield* gate.head).toBe(null)
        }),
      { alone: true, begin: ({ first }) => void (first.says = down("forgejo")) }
    )
  )

  it.effect("of a source that hangs ends with its deadline, and it is not asked while it hangs", () =>
    scenario(
      (gate, { first }) =>
        Effect.gen(function* () {
          const miss = yield* asked(gate, 100)
          yield* TestClock.adjust("19 seconds")
          expect(miss.now()).toBe("waits")
          yield* TestClock.adjust("1 second")
          expect(miss.now()).toBe("commit-unknown")
          const next = yield* asked(gate, 100)
          yield* TestClock.adjust("1 second")
          expect((yield* next.problem).error).toContain("not ended")
          expect([first.asked, first.most]).toEqual([1, 1])
        }),
      { alone: true, begin: ({ first }) => void (first.says = Effect.uninterruptible(Effect.never)) }
    )
  )

  it.effect("of a source that says it lacks some refuses nothing", () =>
    scenario(
      (gate, { logs }) =>
        Effect.gen(function* () {
          expect((yield* asked(gate, 100)).now()).toBe("admitted")
          const miss = yield* asked(gate, 99)
          yield* TestClock.adjust(1000)
          expect(yield* miss.problem).toMatchObject({
            problem: "commit-unknown",
            error: expect.stringContaining("shallow")
          })
          expect(logs).toEqual(["Warn forgejo"])
        }),
      { begin: ({ first }) => void (first.says = Effect.succeed({ ...windowOf(100, 100), shortfall: "shallow" })) }
    )
  )
})

describe("the fallback", () => {
  it.effect("adds to what stands, refuses nothing, is said once, and goes when the first source is back", () =>
    scenario((gate, { fallback, first, logs }) =>
      Effect.gen(function* () {
        first.says = down("forgejo")
        fallback.says = Effect.succeed(windowOf(93, 84))
        const added = yield* asked(gate, 84)
        yield* TestClock.adjust(1000)
        expect(added.now()).toBe("admitted")
        expect((yield* asked(gate, 100)).now()).toBe("admitted")
        expect(yield* gate.head).toBe(commit(100))
        for (const n of [1, 2, 3]) {
          const miss = yield* asked(gate, n)
          yield* TestClock.adjust(1000)
          expect(miss.now()).toBe("commit-unknown")
        }
        expect(logs).toEqual(["Info forgejo", "Warn git-fallback"])
        first.says = Effect.succeed(windowOf(100, 91))
        const back = yield* asked(gate, 1)
        yield* TestClock.adjust(1000)
        expect(back.now()).toBe("out-of-window")
        const gone = yield* asked(gate, 84)
        yield* TestClock.adjust(1000)
        expect(gone.now()).toBe("out-of-window")
        expect(logs).toEqual(["Info forgejo", "Warn git-fallback", "Info forgejo"])
      })
    )
  )

  it.effect("holds one window, however often it moves", () =>
    scenario((gate, { fallback, first }) =>
      Effect.gen(function* () {
        first.says = down("forgejo")
        for (let n = 1000; n < 1050; n += 10) {
          fallback.says = Effect.succeed(windowOf(n, n - 9))
          const newest = yield* asked(gate, n)
          yield* TestClock.adjust(1000)
          expect(newest.now()).toBe("admitted")
        }
        const passed = yield* asked(gate, 1000)
        yield* TestClock.adjust(1000)
        expect(passed.now()).toBe("commit-unknown")
      })
    )
  )

  it.effect("serves when there has never been a first set", () =>
    scenario(
      (gate) =>
        Effect.gen(function* () {
          expect((yield* asked(gate, 93)).now()).toBe("admitted")
          expect(yield* gate.head).toBe(commit(93))
        }),
      {
        begin: ({ fallback, first }) => {
          first.says = down("forgejo")
          fallback.says = Effect.succeed(windowOf(93, 84))
        }
      }
    )
  )
})

describe("a host that checks in", () => {
  it.effect("hears what its episodes would, within seconds", () =>
    scenario((gate, { first }) =>
      Effect.gen(function* () {
        expect(yield* gate.allows(commit(100))).toBe(true)
        const old = yield* Effect.forkScoped(gate.allows(commit(1)))
        yield* TestClock.adjust(1000)
        expect(yield* Fiber.join(old)).toBe(false)
        first.says = Effect.never
        const unsure = yield* Effect.forkScoped(gate.allows(commit(1)))
        yield* TestClock.adjust(5000)
        expect(yield* Fiber.join(unsure)).toBeUndefined()
      })
    )
  )
})

it.effect("a mistake in a source ends the program", () =>
  scenario(
    () =>
      Effect.gen(function* () {
        const fatal = yield* Fatal.Fatal
        const exit = yield* Effect.exit(fatal.awaited)
        expect(Exit.isFailure(exit)).toBe(true)
      }),
    { begin: ({ first }) => void (first.says = Effect.die(new Error("a mistake"))) }
  )
)

const slow: ReadonlyArray<[string, Effect.Effect<CommitWindow>]> = [
  ["the look under way", Effect.never],
  ["its turn", Effect.succeed(windowOf(100, 91))]
]
it.effect.each(slow)("who waits for %s when the program ends is let go", ([, says]) =>
  Effect.gen(function* () {
    const world = makeWorld()
    world.first.says = says
    const ask = Effect.gen(function* () {
      const gate = yield* Gate
      yield* TestClock.adjust(0)
      const waiting = yield* Effect.forkDetach(gate.admit(commit(1)))
      yield* TestClock.adjust(0)
      expect(waiting.pollUnsafe()).toBeUndefined()
      return { gate, waiting }
    })
    const { gate, waiting } = yield* Effect.provide(ask, world.layer(false))
    expect(Exit.hasInterrupts(yield* Fiber.await(waiting))).toBe(true)
    expect(Exit.hasInterrupts(yield* Effect.exit(gate.admit(commit(1))))).toBe(true)
  })
)
