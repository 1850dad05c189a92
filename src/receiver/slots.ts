import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { HostId } from "../domain/names.ts"
import type { Problem } from "../domain/protocol.ts"
import { Limits } from "./limits.ts"

const tooMany = (error: string): Problem => ({ problem: "too-many-uploads", error })

/** Over a slow link a body of this size lasts; a smaller one is through in a moment. */
const LARGE_BYTES = 64 * 1024 * 1024
/** How long a host that was turned away is waited for. */
const EXPECTED_MILLIS = 60_000

/** Who asks for a place, for how large a body. */
interface Asked {
  readonly hostId: HostId
  readonly bytes: number
}

/**
 * A place for every upload under way: `max` in all, at most half of them, but at least one, for one host. Large bodies leave a
 * quarter of the places to small ones. Up to another quarter is kept for hosts that hold none and were turned away within the last
 * minute, where others would take the next one again and again.
 */
export const makeSlots = (max: number) => {
  const forOne = Math.max(1, Math.floor(max / 2))
  const kept = Math.floor(max / 4)
  const taken = new Map<HostId, number>()
  /** When each was turned away. Milliseconds of the monotonic clock. */
  const waiting = new Map<HostId, number>()
  let total = 0
  let large = 0

  const add = ({ bytes, hostId }: Asked, change: 1 | -1): void => {
    total += change
    if (bytes > LARGE_BYTES) large += change
    const rest = (taken.get(hostId) ?? 0) + change
    if (rest === 0) taken.delete(hostId)
    else taken.set(hostId, rest)
  }

  const expected = (now: number): number => {
    for (const [hostId, since] of waiting) {
      if (now - since > EXPECTED_MILLIS || taken.has(hostId)) waiting.delete(hostId)
    }
    return Math.min(waiting.size, kept)
  }

  const refusal = ({ bytes, hostId }: Asked, now: number): Problem | undefined => {
    const held = taken.get(hostId) ?? 0
    if (total >= max) {
      if (held === 0) waiting.set(hostId, now)
      return tooMany(`${max} uploads are under way, which is as many as the receiver takes at once`)
    }
    if (held >= forOne) {
      return tooMany(
        `${forOne} uploads of ${hostId} are under way, which is as many as the receiver takes at once of one host`
      )
    }
    if (bytes > LARGE_BYTES && large >= max - kept) {
      return tooMany(`${large} large uploads are under way, and the other places are for small ones`)
    }
    return held > 0 && max - total <= expected(now)
      ? tooMany("the places left are kept for hosts that were turned away and hold none")
      : undefined
  }

  /** Holds a place until the scope closes. */
  const take = (asked: Asked): Effect.Effect<void, Problem, Scope.Scope> =>
    Effect.gen(function* () {
      const problem = refusal(asked, Number(yield* Clock.monotonicTimeNanos) / 1e6)
      if (problem !== undefined) return yield* Effect.fail(problem)
      add(asked, 1)
      const release = Effect.sync(() => add(asked, -1))
      // What `acquireRelease` keeps for it, and copies, is all that the request has.
      yield* Scope.addFinalizer(yield* Effect.scope, release)
    }).pipe(Effect.uninterruptible)
  return { take }
}

/** The places of this receiver, for bodies of any kind. */
export class Slots extends Context.Service<Slots, ReturnType<typeof makeSlots>>()("cis490/receiver/Slots") {}

export const layer = Layer.effect(
  Slots,
  Effect.map(Limits, ({ maxConcurrentUploads }) => makeSlots(maxConcurrentUploads))
)
