import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** What is remembered, for reporting it. The topology itself is not in it, and nothing here gives it back. */
export interface Remembered {
  /** Null when nothing is applied. */
  readonly topology_id: string | null
  /** Empty while it is being applied, and after that failed. */
  readonly applied_version_hash: string | null
  /** Unix seconds; when the row was written last. */
  readonly applied_at: number | null
  readonly last_error: string | null
  /** The highest that a master ever showed; 0 before the first. */
  readonly generation: number
}

export const nothingRemembered: Remembered = {
  topology_id: null,
  applied_version_hash: null,
  applied_at: null,
  last_error: null,
  generation: 0
}

/** What there should be of the topology that is remembered, by its name in the engine: no more than names. */
export interface Expected {
  readonly bridges: ReadonlyArray<string>
  readonly containers: ReadonlyArray<string>
}

/** What is written down before anything is changed. */
export interface Beginning {
  readonly topologyId: string
  readonly hydratedJson: string
  readonly generation: number
  /** Unix seconds. */
  readonly at: number
  readonly lastError: string
}

/** How it came out. */
export interface Outcome {
  /** Empty where it failed. */
  readonly versionHash: string
  readonly lastError: string | null
  /** Unix seconds. */
  readonly at: number
}

/** The memory cannot be read or written. */
export class MemoryTrouble extends Schema.TaggedError<MemoryTrouble>()("MemoryTrouble", {
  /** In words, with the file. */
  message: Schema.String
}) {}

/**
 * The passive memory: `topology.db`. Reading it changes nothing on the disk, not even beside the file, and the file is made by the
 * first order. What is written is durable when it returns, and another process sees it.
 */
export class AppliedTopology extends Context.Service<
  AppliedTopology,
  {
    readonly read: Effect.Effect<Remembered, MemoryTrouble>
    /** `undefined` where nothing is applied, or what is there cannot be understood. */
    readonly expected: Effect.Effect<Expected | undefined, MemoryTrouble>
    /** One row, with an empty hash, in place of what is there. `takeBack` puts back what was there; the generation stays. */
    readonly begin: (
      beginning: Beginning
    ) => Effect.Effect<{ readonly takeBack: Effect.Effect<void, MemoryTrouble> }, MemoryTrouble>
    /** Of the row that is there. */
    readonly settle: (outcome: Outcome) => Effect.Effect<void, MemoryTrouble>
    /** The row goes, the generation stays. */
    readonly forget: Effect.Effect<void, MemoryTrouble>
    /** Never lowers it. Writes nothing where it is as high already. */
    readonly raise: (generation: number) => Effect.Effect<void, MemoryTrouble>
  }
>()("cis490/services/AppliedTopology") {}

/** Where the memory may be: the configuration says in which directory, which has to be there. Nothing is opened before the first question. */
export class AppliedTopologies extends Context.Service<
  AppliedTopologies,
  { readonly in: (directory: string) => Layer.Layer<AppliedTopology> }
>()("cis490/services/AppliedTopologies") {}
