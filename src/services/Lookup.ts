import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { EpisodeId, HostId } from "../domain/names.ts"

/** A line of the index, without its newline. Bytes. */
export interface Place {
  readonly offset: number
  readonly length: number
}

/** The last line about a name. */
export interface LastLine extends Place {
  /** False where it withdraws the name. */
  readonly stands: boolean
}

/** What a line changes: from now on it is the last about its name. */
export interface Change {
  readonly hostId: HostId
  readonly episodeId: EpisodeId
  readonly place: Place
  /** False where it withdraws the name. */
  readonly stands: boolean
}

export interface Entry extends Place {
  readonly hostId: HostId
  readonly episodeId: EpisodeId
}

/** How far into which index a lookup reaches. An index that was replaced is known by its inode or by the last line covered. */
export interface Coverage {
  /** Of the index, from its beginning; ends after a newline, or is 0. */
  readonly bytes: number
  /** Of the index file; empty where the filesystem does not say. */
  readonly inode: string
  /** Where the last line covered begins, and what it says. */
  readonly lastLine: Place & { readonly text: string }
}

/** It cannot be written, or not be opened: a full disk, or none that may be written to. */
export class LookupUnavailable extends Schema.TaggedError<LookupUnavailable>()("LookupUnavailable", {
  /** In words. */
  message: Schema.String,
  /** The disk is full. */
  full: Schema.Boolean
}) {}

/**
 * Finds the last line about a name in the index without reading the index. Holds nothing that the index does not say, and may be
 * lost at any time: what is gone is read from the index again. Dies when its storage cannot be read.
 */
export class Lookup extends Context.Service<
  Lookup,
  {
    /** `undefined` when it is empty. */
    readonly coverage: Effect.Effect<Coverage | undefined, LookupUnavailable>
    readonly find: (hostId: HostId, episodeId: EpisodeId) => Effect.Effect<LastLine | undefined>
    /** Up to `limit` standing entries by host and episode, those after `after`, in byte order. */
    readonly page: (after: Omit<Entry, keyof Place> | undefined, limit: number) => Effect.Effect<ReadonlyArray<Entry>>
    /** Standing rows. */
    readonly count: Effect.Effect<number>
    /** Takes over the changes, the later over the earlier, and the coverage: all or nothing. */
    readonly apply: (changes: ReadonlyArray<Change>, coverage: Coverage) => Effect.Effect<void, LookupUnavailable>
    /** Empties it, to be built anew: what is applied from then on counts once it is settled. No question is asked in between. */
    readonly clear: Effect.Effect<void, LookupUnavailable>
    /** Ends the building; nothing to do otherwise. */
    readonly settle: Effect.Effect<void, LookupUnavailable>
  }
>()("cis490/services/Lookup") {}
