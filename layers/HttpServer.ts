import { chmodSync } from "node:fs"
import type { Server } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { type Limits, lingering } from "./httpServer/linger.ts"
import { addressOf, clearStaleSocket, ListenError, listenError } from "./httpServer/listen.ts"
import { refuseMalformed } from "./httpServer/malformed.ts"

export { ListenError }

const HEADERS_TIMEOUT_MS = 15_000
/** How often Node looks for connections past that. */
const CHECK_INTERVAL_MS = 1_000
/** Longer than a shipper rests between passes. */
const KEEP_ALIVE_MS = 30_000
const MAX_HEADER_BYTES = 16 * 1024
/** What is under way when the program is told to stop. */
const SHUTDOWN_GRACE = "10 seconds"
/** What a client that was refused in mid-body may still send, until it notices. */
const LINGER: Limits = { bytes: 64 * 1024 * 1024, millis: 10_000 }

const makeServer = (linger: Limits): Server => {
  // Not an `import`: that would load Node's fetch and WebSocket too.
  const http = process.getBuiltinModule("node:http")
  const server = http.createServer({
    ServerResponse: lingering(linger),
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A body may take hours; how long it may stand still is the route's to say.
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    // Nothing here upgrades; Node would hand the bare socket over, and nobody would ever close it.
    shouldUpgradeCallback: () => false
  })
  // Who has sent everything may close: what arrived is handled, and not cut off with the answer that nobody waits for.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on("clientError", refuseMalformed)
  return server
}

/** Who may connect to a unix socket: its owner and its group. */
const SOCKET_MODE = 0o660

/** Node's HTTP/1.1 server. A stale unix socket is replaced; a proxy in front is let in by its group. */
export const layerHttpServer = (options: {
  readonly listen: string
  readonly linger?: Limits
}): Layer.Layer<HttpServer, ListenError> =>
  Layer.effect(
    HttpServer,
    Effect.gen(function* () {
      const address = yield* addressOf(options.listen)
      if ("path" in address) yield* clearStaleSocket(options.listen, address.path)
      const server = makeServer(options.linger ?? LINGER)
      if ("path" in address) server.once("listening", () => chmodSync(address.path, SOCKET_MODE))
      return yield* NodeHttpServer.make(() => server, { ...address, gracefulShutdownTimeout: SHUTDOWN_GRACE }).pipe(
        Effect.mapError(({ cause }) => listenError(options.listen)(cause))
      )
    })
  )
