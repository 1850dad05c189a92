import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as EffectRandom from "effect/Random"
import { describe, expect, it } from "vitest"
import { Disk } from "../disk/disk.ts"
import { execute } from "./execute.ts"
import { makeMachine } from "./machine.ts"
import { makeOutput } from "./output.ts"
import { makeRandom } from "./random.ts"
import { EPOCH, makeWorld } from "./world.ts"

const makeBox = (seed: number) => {
  const world = makeWorld()
  const machine = makeMachine(world, {
    name: "box",
    random: makeRandom(seed),
    decide: () => ({ latencyMillis: 0 }),
    disk: (now) => new Disk({ capacityBytes: 1024 * 1024, now })
  })
  const run = <A, E>(effect: Effect.Effect<A, E>): void => {
    const { finish, process } = machine.spawn("program", () => undefined)
    const { console } = makeOutput(process.note)
    execute(process, console, effect, () => finish({ _tag: "Exited", code: 0, defect: false }))
  }
  return { world, machine, run }
}

describe("a program in the world", () => {
  it("sees its machine's clock jump, and monotonic time not", () => {
    const { machine, run, world } = makeBox(1)
    const times: Array<readonly [number, number]> = []
    const look = Effect.gen(function* () {
      times.push([yield* Clock.currentTimeMillis, Number(yield* Clock.monotonicTimeNanos) / 1e6])
    })
    run(Effect.andThen(Effect.andThen(look, Effect.sleep(5000)), look))
    world.after(1000, () => machine.jumpClock(-EPOCH))
    world.run(world.now() + 60_000, () => undefined)
    expect(times).toEqual([
      [EPOCH, 0],
      [5000, 5000]
    ])
  })

  it("sleeps whole milliseconds, never less than it was told", () => {
    const { run, world } = makeBox(1)
    let woken = 0
    run(
      Effect.andThen(
        Effect.sleep(0.25),
        Effect.sync(() => (woken = world.now()))
      )
    )
    world.run(world.now() + 60_000, () => undefined)
    expect(woken).toBe(EPOCH + 1)
  })

  it("leaves nothing running behind when it ends", () => {
    const { run, world } = makeBox(1)
    const late: Array<string> = []
    const say = (word: string) => Effect.sync(() => late.push(word))
    run(
      Effect.gen(function* () {
        yield* Effect.forkDetach(Effect.andThen(Effect.sleep(10), say("after a sleep")))
        yield* Effect.forkDetach(say("at once"))
      })
    )
    world.run(world.now() + 60_000, () => undefined)
    expect(late).toEqual([])
  })

  it("draws the same with the same seed, and another incarnation draws otherwise", () => {
    const draws = (seed: number): ReadonlyArray<number> => {
      const { run, world } = makeBox(seed)
      const drawn: Array<number> = []
      for (let i = 0; i < 2; i++) run(Effect.map(EffectRandom.next, (number) => drawn.push(number)))
      world.run(world.now(), () => undefined)
      return drawn
    }
    const [first, second] = draws(1)
    expect(draws(1)).toEqual([first, second])
    expect(first).not.toBe(second)
    expect(draws(2)[0]).not.toBe(first)
  })

  it("that keeps itself busy within one instant is found out", () => {
    const { run, world } = makeBox(1)
    run(Effect.forever(Effect.yieldNow))
    expect(() => world.run(world.now() + 1, () => undefined)).toThrow("busy for ever")
  })
})

describe("the world", () => {
  it("runs what is due in order of time, then as it was said, and after each step the check", () => {
    const world = makeWorld(0)
    const done: Array<string> = []
    const say = (word: string) => () => void done.push(word)
    world.after(2, say("c"))
    world.after(1, say("a"))
    world.after(1, say("b"))
    world.after(1, say("never"))()
    world.after(0, () => world.soon(say("first, soon")))
    world.run(1, say("|"))
    expect(done).toEqual(["|", "first, soon", "|", "a", "|", "b", "|"])
    expect([world.now(), world.next()]).toEqual([1, 2])
    world.run(10, () => world.stop())
    expect(done.at(-1)).toBe("|")
  })

  it("writes its history down with the time since the beginning", () => {
    const world = makeWorld()
    world.after(12_034, () => world.note("lab-1", "boots"))
    world.run(world.now() + 20_000, () => undefined)
    expect(world.history).toEqual(["+12.034s lab-1 boots"])
  })
})

describe("chance", () => {
  it("forks by label: what one draws changes nothing for the other", () => {
    const [one, other] = [makeRandom(5), makeRandom(5)]
    one.next()
    expect(one.fork("a").next()).toBe(other.fork("a").next())
    expect(one.fork("a").next()).not.toBe(one.fork("b").next())
  })

  it("stays within its bounds", () => {
    const random = makeRandom("x")
    const drawn = Array.from({ length: 2000 }, () => random.int(3))
    expect(new Set(drawn)).toEqual(new Set([0, 1, 2]))
    expect(() => random.pick([])).toThrow("nothing to pick from")
  })
})
