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
}

/**
 * Makes HTTP clients for one way of trusting and being trusted. They follow no redirect and set no time limit. A file that cannot be
 * used fails the request, its cause saying `mTLS material` and which file.
 */
export class Transport extends Context.Service<
  Transport,
  { readonly client: (tls: TlsFiles) => Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> }
>()("cis490/services/Transport") {}
