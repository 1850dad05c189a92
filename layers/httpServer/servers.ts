/** Node's servers, with TLS and without, each with its word on who is at the other end. */
import type { IncomingMessage, Server, ServerOptions } from "node:http"
import type { Socket } from "node:net"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type ListenTls, TlsUnusable } from "../../src/services/Listener.ts"
import type { Peer } from "../../src/services/Peer.ts"
import { limitHandshakes } from "./handshakes.ts"
import { type Limits, lingering } from "./linger.ts"
import { refuseMalformed } from "./malformed.ts"
import { MaterialError } from "./material.ts"
import { makeTls, type Report } from "./tls.ts"

const HEADERS_TIMEOUT_MS = 15_000
/** How often Node looks for connections past that. */
const CHECK_INTERVAL_MS = 1_000
/** Longer than a shipper rests between passes. */
const KEEP_ALIVE_MS = 30_000
const MAX_HEADER_BYTES = 16 * 1024
/** A server, and who is at the other end of a request that it took. */
export interface Taken {
  readonly server: Server
  readonly peerOf: (request: IncomingMessage) => Peer
}

const makeOptions = (linger: Limits, isLast: (socket: Socket) => boolean) =>
  ({
    ServerResponse: lingering(linger, isLast),
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A body may take hours; how long it may stand still is the route's to say.
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    // Nothing here upgrades; Node would hand the bare socket over, and nobody would ever close it.
    shouldUpgradeCallback: () => false
  }) satisfies ServerOptions

const tended = (server: Server): Server => {
  // Who has sent everything may close: what arrived is handled, and not cut off with the answer that nobody waits for.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on("clientError", refuseMalformed)
  return server
}

const makePlain = (linger: Limits, socket: Peer["socket"]): Taken => {
  // Not an `import`: that would load Node's fetch and WebSocket too.
  const http = process.getBuiltinModule("node:http")
  return {
    server: tended(http.createServer(makeOptions(linger, () => false))),
    peerOf: ({ socket: { remoteAddress } }) => ({ socket, ...ipOf(remoteAddress), certificate: { _tag: "None" } })
  }
}

const ipOf = (ip: string | undefined): Pick<Peer, "ip"> => (ip === undefined ? {} : { ip })

const makeSecure = (linger: Limits, socket: Peer["socket"], files: ListenTls, report: Report): Taken => {
  const tls = makeTls(
    files,
    makeOptions(linger, (connection) => tls.isOld(connection)),
    report
  )
  return {
    server: tended(tls.server),
    peerOf: (request) => ({
      socket,
      ...ipOf(request.socket.remoteAddress),
      certificate: tls.certificateOn(request.socket)
    })
  }
}

const reportTo = (services: Context.Context<never>): Report => {
  const say = Effect.runForkWith(services)
  const handshakeFailed = limitHandshakes(({ cause, from, unsaid }) =>
    say(
      Effect.logWarning(`no TLS with a client: ${cause}`).pipe(
        Effect.annotateLogs({ from, ...(unsaid === 0 ? {} : { unsaid }) })
      )
    )
  )
  return {
    renewed: () => say(Effect.logInfo("the TLS files have changed, and are in use for new connections")),
    broken: (words) =>
      say(Effect.logError(`the TLS files have changed and cannot be used: ${words}; the old ones stay in use`)),
    handshakeFailed
  }
}

/** The server for these files; fails when they cannot be used. */
export const makeTaken = (linger: Limits, socket: Peer["socket"], files: ListenTls | undefined) =>
  Effect.flatMap(Effect.context<never>(), (services) =>
    Effect.suspend(() => {
      try {
        return Effect.succeed(
          files === undefined ? makePlain(linger, socket) : makeSecure(linger, socket, files, reportTo(services))
        )
      } catch (thrown) {
        return thrown instanceof MaterialError
          ? Effect.fail(new TlsUnusable({ message: thrown.message }))
          : Effect.die(thrown)
      }
    })
  )
