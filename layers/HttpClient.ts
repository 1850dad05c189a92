import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { TlsFiles } from "../src/services/Transport.ts"
import { connector } from "./httpClient/connector.ts"

/** What a server offers counts for less: an idle connection holds on to the certificate it began with. */
const IDLE_MS = 10_000
/** So does a busy one: no connection begins a request that is older. */
const CONNECTION_AGE_MS = 60_000

/** The caller watches progress: undici's own clocks stay off. Effect sets one for each request, so does this after it. */
const unhurried: Undici.Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)

/**
 * HTTP/1.1 by undici: follows no redirect, asks no proxy (the `*_PROXY` variables of the environment are another client's
 * business), keeps connections alive, one request on each at a time.
 */
export const layerHttpClient = (tls: TlsFiles): Layer.Layer<HttpClient.HttpClient> =>
  // Not `layerUndiciOptions`: two of those share one memoised dispatcher, and with it one's certificates.
  Layer.effect(
    HttpClient.HttpClient,
    NodeHttpClient.makeDispatcherOptions({
      connect: connector(tls),
      allowH2: false,
      pipelining: 1,
      keepAliveMaxTimeout: IDLE_MS,
      clientTtl: CONNECTION_AGE_MS
    }).pipe(
      Effect.flatMap((dispatcher) =>
        Effect.provideService(NodeHttpClient.makeUndici, NodeHttpClient.Dispatcher, dispatcher.compose(unhurried))
      )
    )
  )
