import * as Context from "effect/Context"

/** Why a client certificate that was shown counts for nothing. */
export type Fault =
  | "expired"
  | "not-yet-valid"
  | "revoked"
  | "unknown-issuer"
  | "wrong-purpose"
  | "no-revocation-list"
  | "revocation-list-expired"
  | "unreadable-names"
  | "other"

/** What a client has shown of itself on the connection. */
export type Certificate =
  | { readonly _tag: "None" }
  /** `detail`: the cause as TLS names it, for the log. */
  | { readonly _tag: "Refused"; readonly fault: Fault; readonly detail: string }
  /** Vouched for by authorities that have been replaced since: only a new connection tells. */
  | { readonly _tag: "Stale" }
  /** `names`: its DNS SANs if it has any, else its CN. `notAfter`: milliseconds since 1970. */
  | { readonly _tag: "Trusted"; readonly names: ReadonlyArray<string>; readonly notAfter: number }

/** Who is at the other end of a request's connection, as far as the connection tells. */
export interface Peer {
  readonly socket: "tcp" | "unix"
  /** The address of the next hop; absent on a unix socket. */
  readonly ip?: string
  readonly certificate: Certificate
}

/** Given with every request by the server that took it; without one: a stranger over a plain connection. */
export const Peer = Context.Reference<Peer>("cis490/services/Peer", {
  defaultValue: () => ({ socket: "tcp", certificate: { _tag: "None" } })
})
