/** One request to the receiver and its answer, with our token and a limit on silence. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { evidenceIn } from "../domain/connection/Evidence.ts"
import { connectionTrouble, inOneLine } from "../domain/connectionTrouble.ts"
import type { Answer } from "../domain/upload/reading.ts"
import { parseRetryAfter, SILENCE } from "../domain/verdict.ts"
import { limitedJson } from "../http/limited.ts"
import { Destination, Unanswered } from "./Destination.ts"
import { Link, type Meter } from "./Link.ts"
import { withSilenceLimit } from "./Progress.ts"

/** Longer bodies are not the receiver's. */
const REPLY_LIMIT_BYTES = 1024 * 1024

const PARSER_ERROR = "HTTPParserError"

/** undici's parser has names for what it cannot read, and leaves them out. */
const causeCode = (cause: unknown): string | undefined => {
  if (!Predicate.isObject(cause)) return undefined
  if (Predicate.isString(cause.code)) return cause.code
  return cause.name === PARSER_ERROR ? PARSER_ERROR : undefined
}

const causeMessage = (cause: unknown): string | undefined => {
  if (!Predicate.isObject(cause)) return undefined
  const own = Predicate.isString(cause.message) ? cause.message : undefined
  return own !== undefined && own !== "" ? own : causeCode(cause)
}

const fromHttp = Effect.fnUntraced(function* (error: HttpClientError.HttpClientError, url: string) {
  const { cause } = error.reason
  const code = causeCode(cause) ?? (error.reason._tag === "DecodeError" ? "ECONNRESET" : undefined)
  const evidence = evidenceIn(cause)
  const now = yield* Clock.currentTimeMillis
  const trouble = connectionTrouble({ url, now, code, evidence, message: causeMessage(cause) ?? error.message })
  return yield* new Unanswered({
    error: inOneLine(trouble, evidence?.material === undefined ? code : undefined),
    connected: evidence?.phase !== "connecting",
    ...(code && { code })
  })
})

/** The body as JSON, read up to a limit: what answers may be anything. */
export const readAnswer = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
  return {
    status: response.status,
    headers: response.headers,
    retryAfter: Option.getOrUndefined(Headers.get(response.headers, "retry-after")),
    body: yield* limitedJson(response, REPLY_LIMIT_BYTES)
  } satisfies Answer
})

/** "Too many at once" is said to this host, whatever it asked. */
const heedRestraint = Effect.fnUntraced(function* ({ headers, status }: HttpClientResponse.HttpClientResponse) {
  if (status !== 429) return
  const link = yield* Link
  const seconds = parseRetryAfter(headers["retry-after"], yield* Clock.currentTimeMillis)
  if (seconds !== undefined) yield* link.restrain(seconds)
})

/** Sends with our token and waits as long as something moves. */
export const exchange = Effect.fnUntraced(function* <A>(
  request: HttpClientRequest.HttpClientRequest,
  read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, HttpClientError.HttpClientError>,
  meter: Meter = { moved: 0 }
) {
  const client = yield* HttpClient.HttpClient
  const destination = yield* Destination
  const token = yield* destination.token
  const authorised = token === undefined ? request : HttpClientRequest.bearerToken(request, token)
  return yield* client.execute(authorised).pipe(
    Effect.tap(heedRestraint),
    Effect.flatMap(read),
    Effect.catch((error) => fromHttp(error, destination.url)),
    withSilenceLimit({
      seconds: destination.requestTimeoutSeconds,
      moved: () => meter.moved,
      held: () => meter.held === true,
      onSilence: () =>
        new Unanswered({
          error: `no answer and no progress for ${destination.requestTimeoutSeconds} s; to mend: see the receiver's log, and whether the way to it carries large packets (MTU)`,
          code: SILENCE,
          connected: true
        })
    })
  )
})
