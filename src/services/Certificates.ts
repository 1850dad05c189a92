import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** What a certificate says of itself. */
export interface Certificate {
  readonly subject: string
  readonly issuer: string
  /** Names in the DNS and addresses that it is for. */
  readonly names: ReadonlyArray<string>
  /** Valid from then on. Milliseconds since 1970. */
  readonly from: number
  /** Valid until then. Milliseconds since 1970. */
  readonly until: number
}

/** The text is not what it should be. Says nothing of what is in it. */
export class NotPem extends Schema.TaggedError<NotPem>()("NotPem", {
  /** Completes "it …". */
  why: Schema.String
}) {}

/** Reads what TLS is configured with: PEM (RFC 7468). */
export class Certificates extends Context.Service<
  Certificates,
  {
    /** All certificates in the text, at least one, in order. */
    readonly read: (pem: string) => Effect.Effect<ReadonlyArray<Certificate>, NotPem>
    /** Whether a private key belongs to the first certificate. Fails when the key is none that can be used. */
    readonly belongs: (key: string, certificate: string) => Effect.Effect<boolean, NotPem>
  }
>()("cis490/services/Certificates") {}
