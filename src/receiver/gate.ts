import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Commit } from "../domain/names.ts"
import type { Problem } from "../domain/protocol.ts"
import { DEFAULT_REMEDIATION } from "../domain/receiverSettings.ts"

/** Which code may write: the last commits of a branch. */
export class Gate extends Context.Service<
  Gate,
  {
    /** While it is off, no commit has to be named. */
    readonly enabled: boolean
    /** What a refused host should run, ready to paste. */
    readonly remediation: string
    /** Fails with `out-of-window`, or with `commit-unknown` where not knowing is all there is. */
    readonly admit: (commit: Commit) => Effect.Effect<void, Problem>
    /** The newest commit of the branch; null when it is not known within a few seconds. */
    readonly head: Effect.Effect<Commit | null>
    /** What `admit` says; `undefined` when that is not known within a few seconds. */
    readonly allows: (commit: Commit) => Effect.Effect<boolean | undefined>
  }
>()("cis490/receiver/Gate") {}

/** Accepts what comes. */
export const layerOff: Layer.Layer<Gate> = Layer.succeed(Gate, {
  enabled: false,
  remediation: DEFAULT_REMEDIATION,
  admit: () => Effect.void,
  head: Effect.succeed(null),
  allows: () => Effect.succeed(true)
})
