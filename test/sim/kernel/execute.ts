/** Runs an effect as what a process does, on the world's clock and its own chance. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as EffectRandom from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import { makeClock } from "./clock.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import { makeScheduler } from "./scheduler.ts"
import { makeTracer } from "./trace.ts"

const WHOLE_NUMBERS = Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1

const effectRandom = (random: Random): EffectRandom.Random => ({
  nextIntUnsafe: () => Math.floor(random.next() * WHOLE_NUMBERS) + Number.MIN_SAFE_INTEGER,
  nextDoubleUnsafe: random.next
})

/** Begins now, on the caller's stack. Gives what interrupts it. */
export const execute = <A, E>(
  process: Process,
  console: Console.Console,
  effect: Effect.Effect<A, E>,
  onExit: (exit: Exit.Exit<A, E>) => void
): (() => void) => {
  const references = Context.empty().pipe(
    Context.add(
      Scheduler.Scheduler,
      makeScheduler(process.machine.world, () => process.alive)
    ),
    Context.add(Clock.Clock, makeClock(process)),
    Context.add(EffectRandom.Random, effectRandom(process.random.fork("program"))),
    Context.add(Tracer.Tracer, makeTracer(process.random.fork("tracer"))),
    Context.add(Console.Console, console)
  )
  const fiber = Effect.runForkWith(references)(effect)
  fiber.addObserver(onExit)
  return () => fiber.interruptUnsafe(fiber.id)
}
