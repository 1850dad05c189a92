import * as Effect from "effect/Effect"
import type { UnfitStorage } from "../../receiver/holdStore.ts"
import type { LockHeld } from "../../services/Volume.ts"
import { attention, configurationFault } from "../exit.ts"

const isHeld = (error: unknown): error is LockHeld =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "LockHeld"

const isUnfit = (error: unknown): error is UnfitStorage =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "UnfitStorage"

/** Somebody else writes this store: exit 1, naming the pid. A disk that cannot keep what we promise: exit 2. */
export const orHeld = <A, E, R>(effect: Effect.Effect<A, E | LockHeld | UnfitStorage, R>) =>
  effect.pipe(
    Effect.catchIf(isHeld, ({ path, pid }) =>
      attention(`another cis490-receiver writes this store: pid ${pid ?? "unknown"} holds ${path}. Stop it first.`)
    ),
    Effect.catchIf(isUnfit, ({ message }) => configurationFault(message))
  )
