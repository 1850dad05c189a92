import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"

/** A certificate, as far as it explains something. Times are milliseconds since 1970. */
export interface ShownCertificate {
  readonly issuer: string
  /** The names it speaks for. */
  readonly names: string
  readonly from: number
  readonly until: number
}

/** What is known of a connection that failed, beside the code and the words of its error, which carries this as `evidence`. */
export class Evidence extends Data.Class<{
  /** `connecting`: it never stood; `unanswered`: it stood, and ended before the other side said a word. */
  readonly phase: "connecting" | "unanswered" | "answered"
  readonly tls: boolean
  /** The file of ours that cannot be used, and its key in the configuration. */
  readonly material?: { readonly key: string; readonly path: string }
  /** This host's own certificate. */
  readonly own?: ShownCertificate & { readonly path: string }
  /** What the other side showed, which nobody vouches for. */
  readonly theirs?: ShownCertificate
  /** The other side's clock, which nobody vouches for. Milliseconds since 1970. */
  readonly theirClock?: number
}> {}

export const evidenceIn = (cause: unknown): Evidence | undefined =>
  Predicate.hasProperty(cause, "evidence") && cause.evidence instanceof Evidence ? cause.evidence : undefined

/** A connection that failed: where to, when, what was said of it, what is known. */
export interface Failure {
  readonly url: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** As Node, OpenSSL or undici name it. */
  readonly code: string | undefined
  readonly message: string
  readonly evidence: Evidence | undefined
}

/** What is wrong, and what mends it. */
export interface Trouble {
  readonly words: string
  readonly mend: string
}

export type Say = (failure: Failure) => Trouble

export const SET_CLOCK = "sudo timedatectl set-ntp true"
