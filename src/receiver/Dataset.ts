import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Commit, EpisodeId, HostId, Sha256 } from "../domain/names.ts"
import type { Problem, StoredAnswer } from "../domain/protocol.ts"
import type { IndexRow } from "../domain/row.ts"

/** An upload that arrived whole, was checked, and lies synced in `incoming/`. */
export interface Arrival {
  /** Where its bytes lie. */
  readonly path: string
  readonly hostId: HostId
  readonly episodeId: EpisodeId
  /** Of the tarball. */
  readonly sha256: Sha256
  /** Of the tarball. */
  readonly bytes: number
  readonly contentSha256: Sha256
  /** From the `meta.json` inside, else from the header; absent where neither says one. */
  readonly commit?: Commit
  /** The gate let it in. What is not new may only meet what is stored, or bring back what was. */
  readonly isNew: boolean
}

/** What is known of a name before a body is read. */
export type Standing =
  | { readonly _tag: "Absent" }
  /** Not indexed, and a file is there: somebody was not answered yet, or the index lost its row. */
  | { readonly _tag: "Unindexed" }
  /** As `Absent`; `row` is what was withdrawn. */
  | { readonly _tag: "Withdrawn"; readonly row: IndexRow }
  /**
   * Indexed, and the stored file is there with the indexed size. Without `content_sha256`: the very tarball that a row of an older
   * version accepted, and nothing that could be accepted today, so that its content cannot be told.
   */
  | { readonly _tag: "Present"; readonly row: IndexRow }
  /** Indexed, but the stored file is gone or has another size. */
  | { readonly _tag: "Lost"; readonly row: IndexRow }

/** The dataset: the store and its index, kept in agreement. The only writer of both. */
export class Dataset extends Context.Service<
  Dataset,
  {
    /** Completes a row of an older version (reads the stored file once) when its `content_sha256` is not known. */
    readonly standing: (hostId: HostId, episodeId: EpisodeId) => Effect.Effect<Standing, Problem>
    /**
     * Links the arrival into the store (create-only), syncs, appends and syncs its row, and answers; the name in `incoming/` goes when
     * the scope closes, which is after the answer was sent. Not to be interrupted. Two of one name at once: one is stored, the other
     * is answered when the first is durable.
     */
    readonly commit: (arrival: Arrival) => Effect.Effect<StoredAnswer, Problem, Scope.Scope>
    /** Why nothing can be stored now, in words; `undefined` when it can. */
    readonly trouble: Effect.Effect<string | undefined>
  }
>()("cis490/receiver/Dataset") {}
