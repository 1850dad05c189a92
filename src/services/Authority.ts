import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** A certificate, key or list of an authority that cannot be read, or do not belong together. Says nothing of what is in them. */
export class AuthorityUnusable extends Schema.TaggedError<AuthorityUnusable>()("AuthorityUnusable", {
  message: Schema.String
}) {}

/** A private key, PKCS#8 in PEM. */
export type PrivateKey = Redacted.Redacted

export type SubjectName =
  | { readonly _tag: "Dns"; readonly name: string }
  /** An IPv4 or IPv6 address. */
  | { readonly _tag: "Ip"; readonly address: string }

/** Milliseconds since 1970; whole seconds are kept. */
interface Validity {
  readonly from: number
  readonly until: number
}

/** Who issues: its certificate in PEM, and the key to it. */
export interface Issuer {
  readonly certificate: string
  readonly key: PrivateKey
}

export interface Root extends Validity {
  readonly name: string
  readonly key: PrivateKey
}

export interface Leaf extends Validity {
  /** 1 to 64 characters. */
  readonly commonName: string
  readonly names: ReadonlyArray<SubjectName>
  readonly use: "client" | "server"
  readonly key: PrivateKey
}

/** `serial` in lower-case hexadecimal, as in a file name. */
export interface Issued {
  readonly serial: string
  /** In PEM. */
  readonly certificate: string
}

export interface Revoked {
  readonly serial: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface RevocationList extends Validity {
  /** Counts up with every list. */
  readonly number: number
  readonly revoked: ReadonlyArray<Revoked>
}

/** Makes what a certificate authority makes: X.509 with ECDSA on P-256 (RFC 5280, RFC 5758). */
export class Authority extends Context.Service<
  Authority,
  {
    readonly newKey: Effect.Effect<PrivateKey>
    /** An authority of its own, in PEM; it issues for hosts and servers, not for other authorities. */
    readonly root: (root: Root) => Effect.Effect<string, AuthorityUnusable>
    readonly issue: (issuer: Issuer, leaf: Leaf) => Effect.Effect<Issued, AuthorityUnusable>
    /** In PEM. */
    readonly revocationList: (issuer: Issuer, list: RevocationList) => Effect.Effect<string, AuthorityUnusable>
    readonly readRevocationList: (pem: string) => Effect.Effect<RevocationList, AuthorityUnusable>
  }
>()("cis490/services/Authority") {}
