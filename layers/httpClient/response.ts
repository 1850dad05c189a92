import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import { DecodeError, HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Arrival } from "./Arrival.ts"

const decoder = new TextDecoder()

/** Of answers that are forgotten before all of them was read, the connection is closed. */
const forgotten = new FinalizationRegistry((arrival: Arrival) => arrival.giveUp())

/** An answer, whose body may be read once: at once, or as it comes. */
export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly remoteAddress = Option.none<string>()
  readonly request: HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly #arrival: Arrival

  constructor(request: HttpClientRequest, url: string, status: number, headers: Headers.Input, arrival: Arrival) {
    super()
    this.request = request
    this.url = url
    this.status = status
    this.headers = Headers.fromInput(headers)
    this.#arrival = arrival
    if (!arrival.isOver) forgotten.register(this, arrival)
  }

  /** All of it. */
  get #bytes(): Effect.Effect<Uint8Array<ArrayBuffer>, HttpClientError> {
    return Effect.callback((resume) => {
      const arrival = this.#arrival
      const pieces: Array<Uint8Array> = []
      const look = () => {
        // Taking makes room, and more may come into it at once: only when there was nothing to take is it known to wait.
        for (let more = arrival.take(); more.length > 0; more = arrival.take()) pieces.push(...more)
        if (!arrival.isOver) return arrival.whenMore(look)
        resume(arrival.cause === undefined ? Effect.succeed(Buffer.concat(pieces)) : this.#cutShort)
      }
      look()
      return Effect.sync(() => arrival.giveUp())
    })
  }

  get #cutShort() {
    return Effect.fail(
      new HttpClientError({
        reason: new DecodeError({ request: this.request, response: this, cause: this.#arrival.cause })
      })
    )
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError> {
    const arrival = this.#arrival
    const pull: Pull.Pull<readonly [Uint8Array, ...Array<Uint8Array>], HttpClientError> = Effect.callback((resume) => {
      const look = () => {
        const [first, ...others] = arrival.take()
        if (first !== undefined) return resume(Effect.succeed([first, ...others]))
        if (!arrival.isOver) return arrival.whenMore(look)
        resume(arrival.cause === undefined ? Cause.done() : this.#cutShort)
      }
      look()
    })
    const giveUp = Effect.addFinalizer(() => Effect.sync(() => arrival.giveUp()))
    return Stream.scoped(Stream.fromPull(Effect.as(giveUp, pull)))
  }

  get text() {
    return Effect.map(this.#bytes, (bytes) => decoder.decode(bytes))
  }

  /** The rest of what Effect's responses can do, by one of them that has everything. */
  get #whole() {
    const { headers, request, status } = this
    return Effect.map(this.#bytes, (bytes) =>
      HttpClientResponse.fromWeb(
        request,
        new globalThis.Response(bytes.length === 0 ? null : bytes, { status, headers })
      )
    )
  }
  get json() {
    return Effect.flatMap(this.#whole, (whole) => whole.json)
  }
  get arrayBuffer() {
    return Effect.flatMap(this.#whole, (whole) => whole.arrayBuffer)
  }
  get formData() {
    return Effect.flatMap(this.#whole, (whole) => whole.formData)
  }
  get urlParamsBody() {
    return Effect.flatMap(this.#whole, (whole) => whole.urlParamsBody)
  }
  get upgrade() {
    return Effect.flatMap(this.#whole, (whole) => whole.upgrade)
  }
  get cookies() {
    return Cookies.fromSetCookie(this.headers["set-cookie"] ?? [])
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, { request: this.request.toJSON(), status: this.status })
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: as Effect pipes
    return pipeArguments(this, arguments)
  }
}
