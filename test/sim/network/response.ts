import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import { DecodeError, HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Process } from "../kernel/process.ts"
import type { Exchange } from "./client.ts"
import { answersWithoutBody, type ResponseHead } from "./message.ts"
import { socketError } from "./socketError.ts"

/** How Effect's own messages show themselves. */
export const inspectable = (words: string) => ({
  toString: () => words,
  toJSON: () => words,
  [NodeInspectSymbol]: () => words
})

const notSimulated = Effect.die(new Error("only the stream and the text of a response are simulated"))

type Bytes = readonly [Uint8Array]

/** The answer, whose body is read from the connection as it is asked for. */
export const makeResponse = (
  process: Process,
  exchange: Exchange,
  request: HttpClientRequest,
  url: URL,
  head: ResponseHead
): HttpClientResponse.HttpClientResponse => {
  const length = head.headers["content-length"]
  const announced = answersWithoutBody(request.method, head.status)
    ? 0
    : length === undefined
      ? undefined
      : Number(length)
  let came = 0

  const broken = (cause: Error) => new HttpClientError({ reason: new DecodeError({ request, response, cause }) })

  const pull: Pull.Pull<Bytes, HttpClientError> = Effect.callback((resume) => {
    if (announced !== undefined && came >= announced) {
      exchange.done()
      return resume(Cause.done())
    }
    exchange.side.read((arrival) => {
      if (!process.alive) return
      if (arrival._tag === "Bytes") {
        came += arrival.bytes.length
        if (announced !== undefined && came >= announced) exchange.done()
        return resume(Effect.succeed([arrival.bytes]))
      }
      exchange.done()
      if (arrival._tag === "End" && announced === undefined) return resume(Cause.done())
      const cause =
        arrival._tag === "Reset"
          ? socketError("ECONNRESET", "read ECONNRESET", { phase: "answered" })
          : socketError("UND_ERR_SOCKET", "other side closed")
      resume(Effect.fail(broken(cause)))
    })
  })

  const stream = Stream.fromPull(
    Effect.as(
      Effect.addFinalizer(() => Effect.sync(exchange.done)),
      pull
    )
  ).pipe(Stream.scoped)

  const response: HttpClientResponse.HttpClientResponse = {
    [HttpClientResponse.TypeId]: HttpClientResponse.TypeId,
    [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId,
    request,
    status: head.status,
    url: url.href,
    headers: Headers.fromInput(head.headers),
    cookies: Cookies.empty,
    remoteAddress: Option.none(),
    stream,
    text: Effect.map(Stream.mkUint8Array(stream), (bytes) => new TextDecoder().decode(bytes)),
    json: notSimulated,
    urlParamsBody: notSimulated,
    formData: notSimulated,
    arrayBuffer: notSimulated,
    upgrade: notSimulated,
    ...inspectable(`HttpClientResponse(${head.status})`),
    pipe() {
      return pipeArguments(this, arguments)
    }
  }
  return response
}
