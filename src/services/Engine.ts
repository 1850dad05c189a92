import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

export type Labels = Readonly<Record<string, string>>

/** A network as the engine has it, whoever made it. */
export interface Network {
  readonly id: string
  readonly name: string
  readonly labels: Labels
  /** `10.1.0.0/24`, one of each kind of address at most. */
  readonly subnets: ReadonlyArray<string>
}

/** Where a container is plugged in. */
export interface Attachment {
  readonly networkId: string
  /** What it was given for good, or has just now; absent while it has none. */
  readonly address?: string
}

/** A container as the engine has it, running or not. */
export interface Container {
  readonly id: string
  readonly name: string
  readonly labels: Labels
  /** As it was asked for: `busybox:1.36`. */
  readonly image: string
  /** `running`, `exited`, `created`, `paused`, … */
  readonly state: string
  readonly attachments: ReadonlyArray<Attachment>
}

export interface NetworkOrder {
  readonly name: string
  readonly labels: Labels
  readonly subnet: string
  /** The engine's own address in it. */
  readonly gateway: string
  /** Reaches nothing beyond itself. */
  readonly internal: boolean
}

export interface AttachmentOrder {
  readonly networkId: string
  readonly address: string
  /** Under this name its neighbours find it. */
  readonly alias: string
}

export interface ContainerOrder {
  readonly name: string
  readonly labels: Labels
  readonly image: string
  readonly hostname: string
  /** The image's own if not said. */
  readonly command?: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  /** None: no network at all. */
  readonly attachment?: AttachmentOrder
}

/** The engine did not do it, or cannot be asked. */
export class EngineTrouble extends Schema.TaggedError<EngineTrouble>()("EngineTrouble", {
  /** `away`: nobody answers. `denied`: this user may not ask. `refused`: the engine said no. `unclear`: it may have done it or not. */
  why: Schema.Literals(["away", "denied", "refused", "unclear"]),
  /** In words, with what mends it where that is known. */
  message: Schema.String
}) {}

/** Looks at a container engine, and changes nothing there. */
export class Engine extends Context.Service<
  Engine,
  {
    /** All networks, ours and others'. */
    readonly networks: Effect.Effect<ReadonlyArray<Network>, EngineTrouble>
    /** All containers, ours and others', running or not. */
    readonly containers: Effect.Effect<ReadonlyArray<Container>, EngineTrouble>
    /** Whether an image is there. It is never fetched. */
    readonly hasImage: (reference: string) => Effect.Effect<boolean, EngineTrouble>
    /** What the engine calls itself: `20.10.24`. */
    readonly version: Effect.Effect<string, EngineTrouble>
  }
>()("cis490/services/Engine") {}

/** Changes what a container engine has. Nothing here starts by itself again, not with the engine and not with the machine. */
export class EngineHands extends Context.Service<
  EngineHands,
  {
    /** Gives its id. Refused where the name is taken. */
    readonly createNetwork: (order: NetworkOrder) => Effect.Effect<string, EngineTrouble>
    /** Well where it is gone already. */
    readonly removeNetwork: (id: string) => Effect.Effect<void, EngineTrouble>
    /** Gives its id; it does not run yet. Refused where the name is taken. */
    readonly createContainer: (order: ContainerOrder) => Effect.Effect<string, EngineTrouble>
    readonly connect: (containerId: string, attachment: AttachmentOrder) => Effect.Effect<void, EngineTrouble>
    /** Well where it runs already. */
    readonly startContainer: (id: string) => Effect.Effect<void, EngineTrouble>
    /** Running or not. Well where it is gone already. */
    readonly removeContainer: (id: string) => Effect.Effect<void, EngineTrouble>
  }
>()("cis490/services/EngineHands") {}

/** Where an engine may be: the configuration says under which socket. Nothing is asked before the first question. */
export class Engines extends Context.Service<
  Engines,
  { readonly at: (socket: string) => Layer.Layer<Engine | EngineHands> }
>()("cis490/services/Engines") {}
