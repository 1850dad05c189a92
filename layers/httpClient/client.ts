import type * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import { HttpClientError, InvalidUrlError, TransportError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as Url from "effect/http/Url"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Arrival } from "./Arrival.ts"
import { Response } from "./response.ts"

/** A body, and what ends it before its time. */
interface Sending {
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
  readonly end: () => void
}

const inMemory = (body: Uint8Array | null): Effect.Effect<Sending> => Effect.succeed({ body, end: () => undefined })

/**
 * undici asks for the next piece when the socket says that it may have more: after one of 64 KiB (its mark) or more, when all of it
 * has gone to the kernel, or is encrypted. Its maker may use its memory again then.
 */
const inPieces = Effect.fnUntraced(function* (stream: Stream.Stream<Uint8Array, unknown>) {
  const services = yield* Effect.context<never>()
  const iterator = Stream.toAsyncIterableWith(stream, services)[Symbol.asyncIterator]()
  const say = Effect.runForkWith(services)
  return {
    body: { [Symbol.asyncIterator]: () => iterator },
    // The request is over, and says how it went; this is not known to it.
    end: () =>
      void iterator.return?.().catch((defect) => say(Effect.logWarning("a request's body was not closed well", defect)))
  } satisfies Sending
})

const sendingOf = ({ body }: HttpClientRequest): Effect.Effect<Sending> => {
  switch (body._tag) {
    case "Empty":
      return inMemory(null)
    case "Uint8Array":
      return inMemory(body.body)
    case "Stream":
      return inPieces(body.stream)
    default:
      return Effect.die(new Error(`no request of ours has a body of ${body._tag}`))
  }
}

/**
 * Effect's client over undici's `dispatch`, without what its own does for every request and our programs do not use: a span, a
 * signal, two wrappings of the answer. That took twice as long as the request.
 */
export const makeClient = (dispatcher: Undici.Dispatcher): HttpClient.HttpClient => {
  const dispatch = (request: HttpClientRequest, url: URL, { body, end }: Sending) =>
    Effect.callback<Response, HttpClientError>((resume) => {
      const arrival = new Arrival({
        onHead: (status, headers) => resume(Effect.succeed(new Response(request, url.href, status, headers, arrival))),
        onFailure: (cause) =>
          resume(Effect.fail(new HttpClientError({ reason: new TransportError({ request, cause }) }))),
        onEnd: end
      })
      const options: Undici.Dispatcher.DispatchOptions = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        headers: request.headers,
        // The caller watches progress.
        headersTimeout: 0,
        bodyTimeout: 0
      }
      // Of an iterable undici's documentation knows, its types do not.
      Object.assign(options, { body })
      dispatcher.dispatch(options, arrival)
      return Effect.sync(() => arrival.giveUp())
    })

  const execute = (request: HttpClientRequest): Effect.Effect<Response, HttpClientError> => {
    const url = Url.make(request.url, request.urlParams, Option.getOrUndefined(request.hash))
    return Result.isFailure(url)
      ? Effect.fail(new HttpClientError({ reason: new InvalidUrlError({ request, cause: url.failure }) }))
      : Effect.flatMap(sendingOf(request), (sending) => dispatch(request, url.success, sending))
  }

  return HttpClient.makeWith<never, never, HttpClientError, never>(Effect.flatMap(execute), Effect.succeed)
}
