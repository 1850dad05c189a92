import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { HostId } from "../domain/names.ts"
import type { Problem } from "../domain/protocol.ts"

const tooMany = (whose: string, limit: number): Problem => ({
  problem: "too-many-uploads",
  error: `${limit} uploads ${whose}are under way, which is as many as the receiver takes at once`
})

/** A place for every upload under way: `max` in all, at most half of them, but at least one, for one host. */
export const makeSlots = (max: number) => {
  const forOne = Math.max(1, Math.floor(max / 2))
  const taken = new Map<HostId, number>()
  let total = 0

  const add = (hostId: HostId, change: 1 | -1): void => {
    total += change
    const rest = (taken.get(hostId) ?? 0) + change
    if (rest === 0) taken.delete(hostId)
    else taken.set(hostId, rest)
  }
  const refusal = (hostId: HostId): Problem | undefined => {
    if (total >= max) return tooMany("", max)
    return (taken.get(hostId) ?? 0) >= forOne ? tooMany(`of ${hostId} `, forOne) : undefined
  }

  /** Holds a place until the scope closes. */
  const take = (hostId: HostId): Effect.Effect<void, Problem, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const problem = refusal(hostId)
        if (problem !== undefined) return Effect.fail(problem)
        add(hostId, 1)
        return Effect.void
      }),
      () => Effect.sync(() => add(hostId, -1))
    )
  return { take }
}
