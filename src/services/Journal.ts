import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** What the journal has of a unit cannot be read. */
export class JournalClosed extends Schema.TaggedError<JournalClosed>()("JournalClosed", {
  /** `denied`: this user may not read it. `absent`: there is no journal on this machine. `failed`: anything else. */
  why: Schema.Literals(["denied", "absent", "failed"]),
  /** In words. */
  message: Schema.String
}) {}

/** The log of our programs under the service manager. */
export class Journal extends Context.Service<
  Journal,
  {
    /** The lines of a unit since a time (systemd.time(7): `-10min`, `2025-11-21 02:30`), oldest first, messages only; of too many the last. */
    readonly since: (unit: string, time: string) => Effect.Effect<ReadonlyArray<string>, JournalClosed>
    /** The last `count` lines of a unit with their times, as text. */
    readonly last: (unit: string, count: number) => Effect.Effect<string, JournalClosed>
  }
>()("cis490/services/Journal") {}
