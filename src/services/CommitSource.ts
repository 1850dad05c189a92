import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Commit } from "../domain/names.ts"

/** A source gives no commits now. */
export class SourceFailed extends Schema.TaggedError<SourceFailed>()("SourceFailed", {
  /** The name of the source. */
  source: Schema.String,
  /** What happened and, where that is known, what mends it. */
  message: Schema.String
}) {}

export interface CommitWindow {
  /** The newest commits of the branch, newest first: as many as are asked for, or all there are. At least one. */
  readonly commits: readonly [Commit, ...ReadonlyArray<Commit>]
  /** Why there may be more than the source knows of, and the mend. */
  readonly shortfall?: string
}

/** Where the newest commits of a branch can be asked for. */
export class CommitSource extends Context.Service<
  CommitSource,
  {
    /** For logs: `forgejo`, `git`. */
    readonly name: string
    /** Asks anew every time. */
    readonly window: Effect.Effect<CommitWindow, SourceFailed>
  }
>()("cis490/services/CommitSource") {}
