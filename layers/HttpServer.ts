import { chmodSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { toIncomingMessage, toServerResponse } from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import { HttpServer, make as makeHttpServer } from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import { Interim } from "../src/services/Interim.ts"
import type { ListenTls, TlsUnusable } from "../src/services/Listener.ts"
import { Peer } from "../src/services/Peer.ts"
import { interimOn } from "./httpServer/interim.ts"
import type { Limits } from "./httpServer/linger.ts"
import { addressOf, clearStaleSocket, ListenError, listenError } from "./httpServer/listen.ts"
import { makeTaken, type Taken } from "./httpServer/servers.ts"

export { ListenError }

/** What is under way when the program is told to stop. */
const SHUTDOWN_GRACE = "10 seconds"
/** What a client that was refused in mid-body may still send, until it notices. */
const LINGER: Limits = { bytes: 64 * 1024 * 1024, millis: 10_000 }

/** Who may connect to a unix socket: its owner and its group. */
const SOCKET_MODE = 0o660

/** Every request comes with its peer, and with what can be said ahead of its answer. */
const withPeers = ({ address, serve }: HttpServer["Service"], peerOf: Taken["peerOf"]): HttpServer["Service"] =>
  makeHttpServer({
    address,
    serve: (app, middleware) => {
      const known = Effect.flatMap(HttpServerRequest, (request) =>
        app.pipe(
          Effect.provideService(Peer, peerOf(toIncomingMessage(request) as IncomingMessage)),
          Effect.provideService(Interim, interimOn(toServerResponse(request) as ServerResponse))
        )
      )
      return middleware === undefined ? serve(known) : serve(known, middleware)
    }
  })

/** Node's HTTP/1.1 server, with TLS where its files are given. A stale unix socket is replaced; a proxy in front is let in by its group. */
export const layerHttpServer = (options: {
  readonly listen: string
  readonly tls?: ListenTls | undefined
  readonly linger?: Limits
}): Layer.Layer<HttpServer, ListenError | TlsUnusable> =>
  Layer.effect(
    HttpServer,
    Effect.gen(function* () {
      const address = yield* addressOf(options.listen)
      const { peerOf, server } = yield* makeTaken(
        options.linger ?? LINGER,
        "path" in address ? "unix" : "tcp",
        options.tls
      )
      if ("path" in address) yield* clearStaleSocket(options.listen, address.path)
      if ("path" in address) server.once("listening", () => chmodSync(address.path, SOCKET_MODE))
      const listening = yield* NodeHttpServer.make(() => server, {
        ...address,
        gracefulShutdownTimeout: SHUTDOWN_GRACE
      }).pipe(Effect.mapError(({ cause }) => listenError(options.listen)(cause)))
      return withPeers(listening, peerOf)
    })
  )
