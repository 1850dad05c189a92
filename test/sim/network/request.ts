import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type { HttpServerError } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { RequestHead } from "./message.ts"

const notSimulated = Effect.die(new Error("only the stream of a request is simulated"))

/** What the receiver's routes get to see of a request. */
export const makeRequest = (
  source: object,
  head: RequestHead,
  from: string,
  stream: Stream.Stream<Uint8Array, HttpServerError>
): HttpServerRequest.HttpServerRequest => {
  const words = `ServerRequest(${head.method} ${head.target})`
  const request: HttpServerRequest.HttpServerRequest = {
    [HttpServerRequest.TypeId]: HttpServerRequest.TypeId,
    [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId,
    source,
    method: head.method,
    url: head.target,
    originalUrl: `http://${head.authority}${head.target}`,
    headers: Headers.fromInput(head.headers),
    remoteAddress: Option.some(from),
    peerAddress: Option.some(from),
    protocol: undefined,
    cookies: {},
    stream,
    text: notSimulated,
    json: notSimulated,
    urlParamsBody: notSimulated,
    arrayBuffer: notSimulated,
    multipart: notSimulated,
    multipartStream: Stream.die(new Error("no form is simulated")),
    upgrade: notSimulated,
    upgradeWith: () => notSimulated,
    modify: () => request,
    toString: () => words,
    toJSON: () => words,
    [NodeInspectSymbol]: () => words
  }
  return request
}
