import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { TlsFiles } from "../src/services/Transport.ts"
import { makeClient } from "./httpClient/client.ts"
import { connector } from "./httpClient/connector.ts"

/** What a server offers counts for less: an idle connection holds on to the certificate it began with. */
const IDLE_MS = 10_000
/** So does a busy one: no connection begins a request that is older. */
const CONNECTION_AGE_MS = 60_000

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
    }).pipe(Effect.map(makeClient))
  )
