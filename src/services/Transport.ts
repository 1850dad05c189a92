import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"

/** PEM files, by path, read anew for every connection: what appears or is renewed on disk is used without a restart. */
export interface TlsFiles {
  readonly ca_bundle?: string
  readonly client_cert?: string
  readonly client_key?: string
  readonly verify_tls: boolean
  /** Path of a unix socket to connect to, whatever host a URL names. */
  readonly unix_socket?: string
}

/**
 * Makes HTTP clients for one way of trusting and being trusted. They follow no redirect, ask no proxy and set no time limit. Where
 * nothing answered, the request fails with a `reason.cause` that has a `code`, and as `evidence` what is known of it (`Evidence`).
 */
export class Transport extends Context.Service<
  Transport,
  { readonly client: (tls: TlsFiles) => Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> }
>()("cis490/services/Transport") {}
