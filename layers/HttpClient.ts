import { readFile } from "node:fs/promises"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { TlsFiles } from "../src/services/Transport.ts"

/**
 * The files that TLS is configured with cannot be used now. A request fails with an `HttpClientError` whose `reason.cause` is this;
 * the next connection tries again.
 */
export class TlsMaterialError extends Error {
  override readonly name = "TlsMaterialError"
}

const CONNECT_TIMEOUT_MS = 10_000
/** What a server offers counts for less: an idle connection holds on to the certificate it began with. */
const IDLE_MS = 10_000
/** So does a busy one: no connection begins a request that is older. */
const CONNECTION_AGE_MS = 60_000

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

const material = async (key: string, path: string | undefined): Promise<Buffer | undefined> => {
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (error) {
    throw new TlsMaterialError(`mTLS material: ${key} ${path} cannot be read (${reasonOf(error)})`, { cause: error })
  }
}

const materials = async (tls: TlsFiles) => {
  // One after the other: of several that are missing, the first is named every time.
  const ca = await material("ca_bundle", tls.ca_bundle)
  const cert = await material("client_cert", tls.client_cert)
  const key = await material("client_key", tls.client_key)
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), rejectUnauthorized: tls.verify_tls }
}

/** Reads the files anew for every connection, so that what appears or is renewed on disk is used without a restart. */
const connector = (tls: TlsFiles): Undici.buildConnector.connector => {
  const named = [tls.ca_bundle, tls.client_cert, tls.client_key].filter((path) => path !== undefined).join(", ")
  const connect = async (options: Undici.buildConnector.Options, callback: Undici.buildConnector.Callback) => {
    const { buildConnector } = await import("@effect/platform-node/Undici")
    const read = await materials(tls)
    try {
      buildConnector({ ...read, allowH2: false, timeout: CONNECT_TIMEOUT_MS })(options, callback)
    } catch (error) {
      // What OpenSSL says when the PEM is broken or the key belongs to another certificate.
      throw new TlsMaterialError(`mTLS material: ${named} cannot be used (${reasonOf(error)})`, { cause: error })
    }
  }
  return async (options, callback) => {
    try {
      await connect(options, callback)
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null)
    }
  }
}

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
