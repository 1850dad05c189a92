/**
 * Everything that one run is made of, as plain data: it can be printed, replayed and made smaller. Times are milliseconds after the
 * start. Every event stands for itself: what is taken out leaves the others as they are.
 */
import type { ConnectionPlan } from "./connections.ts"

/** No event begins later. */
export const LAST_EVENT_MILLIS = 60_000

/** What a recorder leaves; `expected.ts` says what must become of each. */
export const EPISODE_KINDS = [
  "good",
  "deep",
  "large",
  "unstamped",
  "malformedCommit",
  "oldCommit",
  "symlink",
  "badName",
  "brokenManifest",
  "tooLarge",
  "unfinished",
  "reasonInside"
] as const
export type EpisodeKind = (typeof EPISODE_KINDS)[number]

export interface EpisodePlan {
  readonly id: string
  readonly at: number
  readonly kind: EpisodeKind
  /** `done.marker` is a manifest of the other files. */
  readonly manifest: boolean
  /** Syncs as it goes; a careless recorder does so only at the end. */
  readonly careful: boolean
}

export interface HostPlan {
  readonly name: string
  readonly episodes: ReadonlyArray<EpisodePlan>
  readonly concurrency: number
  readonly scanIntervalSeconds: number
  /** 0 = never. */
  readonly checkinIntervalSeconds: number
  /** 0 = never pruned. */
  readonly keepLocalForDays: number
  /** Larger tarballs go by appends; the program's own default when it is not said. */
  readonly resumeAboveBytes?: number
}

export interface ReceiverPlan {
  readonly gate: boolean
  readonly window: number
  readonly cacheTtlSeconds: number
  readonly maxConcurrentUploads: number
  readonly maxEpisodeBytes: number
  /** The program's own default when it is not said. */
  readonly maxUploadsPerHost?: number
}

/** Which of an actor's calls are counted. */
export const CALL_CLASSES = [
  "any",
  "mutating",
  "sync",
  "write",
  "rename",
  "read",
  "partial",
  "index",
  "lookup",
  "upload"
] as const
export type CallClass = (typeof CALL_CLASSES)[number]

export type CallFate =
  | { readonly _tag: "Fail" | "FailAfter"; readonly code: string }
  | { readonly _tag: "Crash"; readonly when: "before" | "after"; readonly how: "kill" | "power" }
  | { readonly _tag: "Slow"; readonly millis: number }

/** What a proxy says in the receiver's place. */
export const PROXY_ANSWERS = [
  "200",
  "201",
  "204",
  "302",
  "401",
  "403",
  "404",
  "409",
  "412",
  "422",
  "429",
  "502",
  "503"
] as const
export type ProxyAnswer = (typeof PROXY_ANSWERS)[number]

export type Happening =
  /** `machine`: the power of the whole computer goes and comes back; otherwise only the daemon on it ends. */
  | {
      readonly kind: "crash"
      readonly at: number
      readonly machine: string
      readonly how: "kill" | "power"
      readonly offMillis: number
    }
  /** The service manager is asked to restart the daemon (SIGTERM). */
  | { readonly kind: "restart"; readonly at: number; readonly machine: string }
  /** The n-th call (from 1) of that class by that program, over all its incarnations. */
  | {
      readonly kind: "call"
      readonly actor: string
      readonly of: CallClass
      readonly nth: number
      readonly fate: CallFate
    }
  /** The host's link carries so little for a while, and every connection over it drops after so long. */
  | {
      readonly kind: "thin"
      readonly at: number
      readonly host: string
      readonly forMillis: number
      readonly bytesPerSecond: number
      readonly dropsAfterMillis: number
    }
  /** The n-th request (from 1) of that host's machine to the receiver. */
  | { readonly kind: "connection"; readonly host: string; readonly nth: number; readonly fate: ConnectionPlan }
  | { readonly kind: "clock"; readonly at: number; readonly machine: string; readonly byMillis: number }
  | {
      readonly kind: "proxy"
      readonly at: number
      readonly host: string
      readonly forMillis: number
      readonly answer: ProxyAnswer
    }
  | { readonly kind: "unplugged"; readonly at: number; readonly host: string; readonly forMillis: number }
  | {
      readonly kind: "forgejo"
      readonly at: number
      readonly forMillis: number
      readonly mode: "down" | "empty" | "slow" | "silent"
    }
  /** New commits on the branch: the oldest leave the window. */
  | { readonly kind: "push"; readonly at: number; readonly commits: number }
  | {
      readonly kind: "diskFull"
      readonly at: number
      readonly machine: string
      readonly forMillis: number
      readonly leaveBytes: number
    }
  /** The host's token is not the receiver's for a while. */
  | { readonly kind: "wrongToken"; readonly at: number; readonly host: string; readonly forMillis: number }
  /** `cis490-shipper <argv>` on that host, beside the daemon. */
  | { readonly kind: "command"; readonly at: number; readonly host: string; readonly argv: ReadonlyArray<string> }
  /** Somebody deletes the directory: what was not shipped is their loss. */
  | { readonly kind: "delete"; readonly at: number; readonly host: string; readonly episode: string }
  /** Somebody moves it from quarantine/ back to episodes/ by hand, the reason still in it. */
  | { readonly kind: "moveBack"; readonly at: number; readonly host: string; readonly episode: string }
  /** Somebody writes to a finished episode. */
  | { readonly kind: "change"; readonly at: number; readonly host: string; readonly episode: string }
  /** The experiment is run again under the same id, with other results. */
  | { readonly kind: "rerecord"; readonly at: number; readonly host: string; readonly episode: string }
  /** The stored file vanishes from the receiver's disk. */
  | { readonly kind: "loseStored"; readonly at: number; readonly host: string; readonly episode: string }
export type Kind = Happening["kind"]

/** `label` is the event's own, and where its randomness comes from. */
export type Event = Happening & { readonly label: string }

/** Calls and connections are numbered: those may still come so long. */
const NUMBERED_MILLIS = 45_000
const AFTER_LAST_MILLIS = 8000

/** From then on nothing goes wrong any more. */
export const faultsEnd = ({ events, hosts }: Plan): number => {
  const ends = events.map((event) => {
    if (event.kind === "call" || event.kind === "connection") return NUMBERED_MILLIS
    if (event.kind === "crash") return event.at + event.offMillis
    return event.at + ("forMillis" in event ? event.forMillis : 0)
  })
  const recorded = hosts.flatMap(({ episodes }) => episodes.map(({ at }) => at))
  return Math.max(...ends, ...recorded) + AFTER_LAST_MILLIS
}

export interface Plan {
  readonly seed: number
  readonly hosts: ReadonlyArray<HostPlan>
  readonly receiver: ReceiverPlan
  readonly events: ReadonlyArray<Event>
}

export const RECEIVER_MACHINE = "central"
/** As actors are called: `lab-1/shipper`, `central/receiver`. */
export const shipperOf = (host: string): string => `${host}/shipper`
export const RECEIVER_ACTOR = `${RECEIVER_MACHINE}/receiver`
