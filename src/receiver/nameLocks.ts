import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

interface Held {
  readonly semaphore: Semaphore.Semaphore
  users: number
}

/** One at a time per key, first come first served; a key that nobody uses costs nothing. */
export const makeNameLocks = () => {
  const locks = new Map<string, Held>()

  const enter = (key: string): Held => {
    const held = locks.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
    locks.set(key, held)
    held.users++
    return held
  }
  const leave = (key: string, held: Held): void => {
    held.users--
    if (held.users === 0) locks.delete(key)
  }

  return <A, E, R>(key: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => enter(key)),
      (held) => held.semaphore.withPermit(effect),
      (held) => Effect.sync(() => leave(key, held))
    )
}
