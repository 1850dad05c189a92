import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { HttpServer } from "effect/http/HttpServer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** Nothing can be served under this address: it is taken, not ours, or not allowed. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", { message: Schema.String }) {}

/** What TLS is configured with cannot be used: says which key, which file, and why. */
export class TlsUnusable extends Schema.TaggedError<TlsUnusable>()("TlsUnusable", { message: Schema.String }) {}

/**
 * PEM files, by path. They are looked at with every connection and every request: what is renewed on disk is used for the next
 * connection, and what cannot be used then leaves the old in place.
 */
export interface ListenTls {
  readonly cert: string
  readonly key: string
  /** Clients are asked for a certificate; `Peer` says whether one was shown that these vouch for. */
  readonly client_ca?: string
  /** What the authorities of `client_ca` have revoked; each of them needs its list here. */
  readonly client_crl?: string
}

/** Serves HTTP/1.1 under `host:port` or `unix:/path`, until the scope closes. Every request comes with its `Peer`. */
export class Listener extends Context.Service<
  Listener,
  {
    readonly listen: (
      address: string,
      tls?: ListenTls
    ) => Effect.Effect<HttpServer["Service"], ListenFailed | TlsUnusable, Scope.Scope>
  }
>()("cis490/services/Listener") {}
