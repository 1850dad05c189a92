/** The receiver's server: what `layers/HttpServer.ts` and Effect's server on Node do, as far as the routes can tell. */

import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpServer from "effect/http/HttpServer"
import { ClientAbort, HttpServerError, RequestParseError } from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { inetAddressFromIpString } from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { parseListen } from "../../../src/domain/listen.ts"
import { Listener, ListenFailed, TlsUnusable } from "../../../src/services/Listener.ts"
import type { Process } from "../kernel/process.ts"
import type { ServerSide } from "./connection.ts"
import type { Network } from "./network.ts"
import { makeRequest } from "./request.ts"
import { makeServerExchange, type ServerExchange } from "./serverExchange.ts"
import { socketError } from "./socketError.ts"

/** As `layers/HttpServer.ts` sets it. */
const SHUTDOWN_GRACE = Duration.seconds(10)

type Accept = (side: ServerSide, from: string) => void

const bodyOf = (
  { inbox }: ServerExchange,
  request: () => HttpServerRequest
): Stream.Stream<Uint8Array, HttpServerError> => {
  const aborted = () =>
    new HttpServerError({
      reason: new RequestParseError({
        request: request(),
        reason: "Parse",
        cause: socketError("ECONNRESET", "aborted")
      })
    })
  return Stream.fromPull(
    Effect.succeed(
      Effect.callback<readonly [Uint8Array], HttpServerError | Cause.Done>((resume) => {
        inbox.take((piece) => {
          if (piece === "end") resume(Cause.done())
          else resume(piece === "broken" ? Effect.fail(aborted()) : Effect.succeed([piece]))
        })
      })
    )
  )
}

const bytesOf = ({ body }: HttpServerResponse): Uint8Array | undefined => {
  if (body._tag === "Empty") return new Uint8Array()
  return body._tag === "Uint8Array" ? body.body : undefined
}

interface Port {
  accept: Accept | undefined
  readonly open: Set<ServerExchange>
  readonly waiting: Array<() => void>
}

/** Runs `app` for every request, each in a fiber of its own. */
const handler = (
  process: Process,
  network: Network,
  port: Port,
  app: Effect.Effect<HttpServerResponse, unknown, HttpServerRequest | Scope.Scope>,
  scope: Scope.Scope
): Effect.Effect<Accept> =>
  Effect.withFiber((parent) => {
    const exchanges = new WeakMap<object, ServerExchange>()
    const arrivals = new WeakMap<ServerExchange, number>()

    const gate = (method: string, exchange: ServerExchange, words: string) =>
      process.call(
        { service: "net", method, target: `${words}${exchange.head.method} ${exchange.head.target}`, mutates: true },
        () => Exit.void,
        (code) => code
      )

    const respond = (request: HttpServerRequest, response: HttpServerResponse): Effect.Effect<void> => {
      const exchange = exchanges.get(request.source)
      const bytes = bytesOf(response)
      if (exchange === undefined || bytes === undefined) {
        return Effect.die(new Error(`a response of ${response.body._tag} is not simulated`))
      }
      return Effect.match(gate("answer", exchange, `${response.status} to `), {
        onSuccess: () => {
          const head = { status: response.status, headers: headersOf(response) }
          network.answered(exchange.head, head, bytes, arrivals.get(exchange) ?? 0)
          exchange.answer(head, bytes)
        },
        onFailure: () => exchange.cut()
      })
    }
    const handled = HttpEffect.toHandled(app, respond)

    const begin = (side: ServerSide, from: string, head: ServerExchange["head"]): void => {
      let fiber: Fiber.Fiber<void> | undefined
      const exchange = makeServerExchange(process, side, head, {
        gone: () => fiber?.interruptUnsafe(parent.id, ClientAbort.annotation),
        closed: () => {
          port.open.delete(exchange)
          if (port.open.size === 0) for (const done of port.waiting.splice(0)) done()
        }
      })
      port.open.add(exchange)
      const source = {}
      exchanges.set(source, exchange)
      arrivals.set(exchange, process.machine.world.now())
      const request: HttpServerRequest = makeRequest(
        source,
        head,
        from,
        bodyOf(exchange, () => request)
      )
      // Node's server makes no spans of its own while nobody collects them.
      const context = parent.context.pipe(
        Context.add(HttpServerRequest, request),
        Context.add(Tracer.Tracer, Tracer.nativeTracer)
      )
      const run = Effect.matchEffect(gate("accept", exchange, ""), {
        onSuccess: () => handled,
        onFailure: () => Effect.sync(exchange.cut)
      }).pipe(Effect.uninterruptible)
      fiber = Fiber.runIn(Effect.runForkWith(context)(run), scope)
    }

    return Effect.succeed((side, from) => {
      side.read((arrival) => {
        if (!process.alive) return
        if (arrival._tag === "Head") begin(side, from, arrival.head)
        else side.close("close")
      })
    })
  })

const headersOf = ({ headers }: HttpServerResponse): Readonly<Record<string, string>> => ({ ...headers })

const listenOn = Effect.fnUntraced(function* (process: Process, network: Network, address: string) {
  const where = parseListen(address)
  const fail = (words: string) => new ListenFailed({ message: `cannot listen on ${address}: ${words}` })
  if (where?._tag !== "Tcp") return yield* fail("only host:port is simulated")
  const port: Port = { accept: undefined, open: new Set(), waiting: [] }
  const close = yield* process.call(
    { service: "net", method: "listen", target: address, mutates: true },
    () => {
      const closing = network.listen(process, where.port, (side, from) => port.accept?.(side, from))
      return closing === undefined ? Exit.fail(fail("another program listens there already")) : Exit.succeed(closing)
    },
    (code) => fail(code)
  )
  const shutdown = yield* Effect.cached(
    Effect.callback<void>((resume) => {
      close()
      if (port.open.size === 0) resume(Effect.void)
      else port.waiting.push(() => resume(Effect.void))
    })
  )
  const gently = Effect.timeoutOrElse(shutdown, { duration: SHUTDOWN_GRACE, orElse: () => Effect.void })
  yield* Effect.addFinalizer(() => shutdown)
  const bound = yield* Effect.orDie(Effect.fromResult(inetAddressFromIpString(where.host, where.port)))
  return HttpServer.make({
    address: bound,
    serve: Effect.fnUntraced(function* (
      app: Effect.Effect<HttpServerResponse, unknown, HttpServerRequest | Scope.Scope>
    ) {
      const serveScope = yield* Effect.scope
      const scope = Scope.forkUnsafe(serveScope, "parallel")
      const accept = yield* handler(process, network, port, app, scope)
      yield* Scope.addFinalizerExit(serveScope, () =>
        Effect.ensuring(
          gently,
          Effect.sync(() => {
            port.accept = undefined
          })
        )
      )
      port.accept = accept
    })
  })
})

export const layerListener = (process: Process, network: Network): Layer.Layer<Listener> =>
  Layer.succeed(Listener, {
    listen: (address, tls) =>
      tls === undefined
        ? listenOn(process, network, address)
        : Effect.fail(new TlsUnusable({ message: "TLS is not simulated" }))
  })
