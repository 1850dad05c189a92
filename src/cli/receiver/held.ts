import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { UnfitStorage } from "../../receiver/holdStore.ts"
import type { IndexUnavailable } from "../../receiver/trouble.ts"
import type { LockHeld } from "../../services/Volume.ts"
import { attention, configurationFault } from "../exit.ts"

const isHeld = (error: unknown): error is LockHeld => Predicate.isTagged(error, "LockHeld")

const isUnfit = (error: unknown): error is UnfitStorage => Predicate.isTagged(error, "UnfitStorage")

const isUnavailable = (error: unknown): error is IndexUnavailable => Predicate.isTagged(error, "IndexUnavailable")

/** Somebody else writes this store: exit 1, naming the pid. A disk that cannot keep what we promise: exit 2. */
export const orHeld = <A, E, R>(effect: Effect.Effect<A, E | LockHeld | UnfitStorage | IndexUnavailable, R>) =>
  effect.pipe(
    Effect.catchIf(isHeld, ({ path, pid }) =>
      attention(`another cis490-receiver writes this store: pid ${pid ?? "unknown"} holds ${path}. Stop it first.`)
    ),
    Effect.catchIf(isUnfit, ({ message }) => configurationFault(message)),
    Effect.catchIf(isUnavailable, ({ message }) =>
      attention(`the index cannot be used now: ${message}. Make room, or mend the disk.`)
    )
  )
