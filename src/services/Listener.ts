import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { HttpServer } from "effect/http/HttpServer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** Nothing can be served under this address: it is taken, not ours, or not allowed. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", { message: Schema.String }) {}

/** Serves HTTP/1.1 under `host:port` or `unix:/path`, until the scope closes. */
export class Listener extends Context.Service<
  Listener,
  { readonly listen: (address: string) => Effect.Effect<HttpServer["Service"], ListenFailed, Scope.Scope> }
>()("cis490/services/Listener") {}
