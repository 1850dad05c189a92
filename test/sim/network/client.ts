/** HTTP as a simulated program does it: like undici, as Effect presents it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import { HttpClientError, TransportError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import type { Process } from "../kernel/process.ts"
import type { ClientSide } from "./connection.ts"
import { hold } from "./hold.ts"
import { answersWithoutBody, type RequestHead, type ResponseHead } from "./message.ts"
import type { Network } from "./network.ts"
import { makeResponse } from "./response.ts"
import { socketError } from "./socketError.ts"

const PIECE_BYTES = 64 * 1024

/** One request on its connection. */
export interface Exchange {
  readonly side: ClientSide
  /** Everything of the answer came: the connection is done with, also when there is more to send. */
  readonly done: () => void
  readonly noteSent: () => void
  readonly isSent: () => boolean
  /** Runs when the connection is done with. */
  readonly atClose: (act: () => void) => void
}

const makeExchange = (process: Process, side: ClientSide): Exchange => {
  const release = hold(process, side)
  const acts: Array<() => void> = []
  let sent = false
  let over = false
  return {
    side,
    done: () => {
      if (over) return
      over = true
      release()
      side.close("close")
      for (const act of acts) act()
    },
    noteSent: () => {
      sent = true
    },
    isSent: () => sent,
    atClose: (act) => {
      if (over) act()
      else acts.push(act)
    }
  }
}

const sendBytes = (process: Process, { noteSent, side }: Exchange, bytes: Uint8Array): void => {
  const from = (at: number): void => {
    if (!process.alive) return
    if (at >= bytes.length) return noteSent()
    side.write({ _tag: "Bytes", bytes: bytes.subarray(at, at + PIECE_BYTES) }, () => from(at + PIECE_BYTES))
  }
  from(0)
}

/** undici's parser; its error has no code. */
const NO_HTTP = "Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/ or ICE/)"

const MISMATCH = socketError(
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "Request body length does not match content-length header"
)

/** Gives why it did not get all of it out. */
const sendStream = (
  { noteSent, side }: Exchange,
  stream: Stream.Stream<Uint8Array, unknown>,
  announced: number | undefined
): Effect.Effect<void, unknown> => {
  let written = 0
  const write = (bytes: Uint8Array): Effect.Effect<void, unknown> => {
    written += bytes.length
    if (announced !== undefined && written > announced) return Effect.fail(MISMATCH)
    return Effect.callback((resume) => side.write({ _tag: "Bytes", bytes: bytes.slice() }, () => resume(Effect.void)))
  }
  return Effect.andThen(
    Stream.runForEach(stream, write),
    Effect.suspend(() => {
      if (announced !== undefined && written < announced) return Effect.fail(MISMATCH)
      noteSent()
      return Effect.void
    })
  )
}

export const makeClient = (process: Process, network: Network, material: Effect.Effect<void, Error>) => {
  const failed = (request: HttpClientRequest, cause: unknown) =>
    new HttpClientError({ reason: new TransportError({ request, cause }) })

  const gate = (method: string, target: string, request: HttpClientRequest) =>
    process.call(
      { service: "net", method, target, mutates: false },
      () => Exit.void,
      (code) =>
        failed(
          request,
          socketError(code, `${method} ${code}`, { phase: method === "connect" ? "connecting" : "answered" })
        )
    )

  const connect = (request: HttpClientRequest, url: URL, head: RequestHead) =>
    Effect.callback<Exchange, HttpClientError>((resume) => {
      const port = Number(url.port || (url.protocol === "https:" ? 443 : 80))
      const cancel = network.connect(process, { host: url.hostname, port }, head, (outcome) => {
        if ("code" in outcome)
          resume(Effect.fail(failed(request, socketError(outcome.code, outcome.message, { phase: "connecting" }))))
        else resume(Effect.succeed(makeExchange(process, outcome)))
      })
      return Effect.sync(cancel)
    })

  const send = (
    exchange: Exchange,
    request: HttpClientRequest
  ): Effect.Effect<Effect.Effect<never, HttpClientError>> => {
    const { body } = request
    switch (body._tag) {
      case "Empty":
        return Effect.sync(() => {
          exchange.noteSent()
          return Effect.never
        })
      case "Uint8Array":
        return Effect.sync(() => {
          sendBytes(process, exchange, body.body)
          return Effect.never
        })
      case "Stream":
        return Effect.map(Effect.forkDetach(sendStream(exchange, body.stream, body.contentLength)), (fiber) => {
          exchange.atClose(() => fiber.interruptUnsafe())
          return Effect.flatMap(Fiber.await(fiber), (exit) =>
            Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
              ? Effect.never
              : Effect.fail(failed(request, Cause.squash(exit.cause)))
          )
        })
      default:
        return Effect.die(new Error(`a body of ${body._tag} is not simulated`))
    }
  }

  const awaitHead = (exchange: Exchange, request: HttpClientRequest) =>
    Effect.callback<ResponseHead, HttpClientError>((resume) => {
      exchange.side.read((arrival) => {
        if (!process.alive) return
        if (arrival._tag === "Head") return resume(Effect.succeed(arrival.head))
        const cause =
          arrival._tag === "Reset"
            ? socketError("ECONNRESET", "read ECONNRESET", { phase: "unanswered" })
            : arrival._tag === "End"
              ? socketError("UND_ERR_SOCKET", "other side closed", { phase: "unanswered" })
              : socketError(undefined, NO_HTTP, { phase: "answered" })
        resume(Effect.fail(failed(request, cause)))
      })
    })

  const client = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const target = `${request.method} ${url.href}`
      const head: RequestHead = {
        method: request.method,
        authority: url.host,
        target: url.pathname + url.search,
        headers: { ...request.headers, host: url.host, connection: "keep-alive" }
      }
      yield* Effect.mapError(material, (error) => failed(request, error))
      yield* gate("connect", target, request)
      const exchange = yield* connect(request, url, head)
      return yield* Effect.gen(function* () {
        exchange.side.write({ _tag: "Head", head })
        const broken = yield* send(exchange, request)
        const answer = yield* request.body._tag === "Stream"
          ? Effect.raceFirst(awaitHead(exchange, request), broken)
          : awaitHead(exchange, request)
        yield* gate("answer", `${answer.status} to ${target}`, request)
        process.note(`net ${answer.status} to ${target}`)
        if (answersWithoutBody(request.method, answer.status)) exchange.done()
        return makeResponse(process, exchange, request, url, answer)
      }).pipe(Effect.onError(() => Effect.sync(exchange.done)))
    })
  )
  // As the programs' own client, which makes no spans.
  return HttpClient.transform(
    client,
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
  )
}
