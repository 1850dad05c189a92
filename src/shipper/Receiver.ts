/** The far end, as the shipper sees it: one verdict per episode sent, one word per question asked. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { evidenceIn } from "../domain/connection/Evidence.ts"
import { connectionTrouble, inOneLine } from "../domain/connectionTrouble.ts"
import { formatReprDigest } from "../domain/digest.ts"
import { parseForeignJson } from "../domain/json.ts"
import type { Commit, EpisodeId, HostId, Sha256 } from "../domain/names.ts"
import { header, path } from "../domain/protocol.ts"
import { judge, type Reply, SILENCE, unanswered, type Verdict } from "../domain/verdict.ts"
import { Progress, withSilenceLimit } from "./Progress.ts"

/** Where the receiver is and how to get in. */
export class Destination extends Context.Service<
  Destination,
  {
    readonly url: string
    readonly hostId: HostId
    /** Read when it is needed, so that a renewed token file is used without a restart. */
    readonly token: Effect.Effect<Redacted.Redacted<string> | undefined, Unanswered>
    readonly requestTimeoutSeconds: number
  }
>()("cis490/shipper/Destination") {}

/** Nothing answered, or the answer was cut short. */
export class Unanswered extends Schema.TaggedError<Unanswered>()("Unanswered", {
  /** What is wrong and what mends it, on one line. */
  error: Schema.String,
  /** As Node and undici name it. */
  code: Schema.optionalKey(Schema.String),
  /** Whether the connection stood. */
  connected: Schema.Boolean
}) {}

export interface Parcel {
  readonly episodeId: EpisodeId
  readonly tarball: string
  readonly bytes: number
  readonly sha256: Sha256
  readonly contentSha256: Sha256
  readonly commit: Commit | undefined
}

/** Longer bodies are not the receiver's. */
const REPLY_LIMIT_BYTES = 1024 * 1024
/** Up to this size a tarball is read at once and sent from memory. */
const AT_ONCE_BYTES = 1024 * 1024

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
const readReply = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
  let bytes = 0
  const decoder = new TextDecoder()
  const body = yield* response.stream.pipe(
    Stream.takeWhile((chunk) => (bytes += chunk.length) <= REPLY_LIMIT_BYTES),
    Stream.runFold(
      () => "",
      (text: string, chunk) => text + decoder.decode(chunk, { stream: true })
    )
  )
  return {
    status: response.status,
    retryAfter: Option.getOrUndefined(Headers.get(response.headers, "retry-after")),
    body: bytes > REPLY_LIMIT_BYTES ? undefined : parseForeignJson(body)
  } satisfies Reply
})

/** Counts what one request has moved: another's progress does not keep this one alive. */
interface Meter {
  moved: number
}

/** Sends with our token and waits as long as something moves. */
const exchange = Effect.fnUntraced(function* <A>(
  request: HttpClientRequest.HttpClientRequest,
  read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, HttpClientError.HttpClientError>,
  meter: Meter = { moved: 0 }
) {
  const client = yield* HttpClient.HttpClient
  const destination = yield* Destination
  const token = yield* destination.token
  const authorised = token === undefined ? request : HttpClientRequest.bearerToken(request, token)
  return yield* client.execute(authorised).pipe(
    Effect.flatMap(read),
    Effect.catch((error) => fromHttp(error, destination.url)),
    withSilenceLimit({
      seconds: destination.requestTimeoutSeconds,
      moved: () => meter.moved,
      onSilence: () =>
        new Unanswered({
          error: `no answer and no progress for ${destination.requestTimeoutSeconds} s; to mend: see the receiver's log, and whether the way to it carries large packets (MTU)`,
          code: SILENCE,
          connected: true
        })
    })
  )
})

const tarballBody = Effect.fnUntraced(function* (parcel: Parcel, meter: Meter) {
  const fs = yield* FileSystem.FileSystem
  const progress = yield* Progress
  const moved = (bytes: number) => {
    meter.moved += bytes
    progress.steps++
    progress.sentBytes += bytes
  }
  const type = "application/zstd"
  if (parcel.bytes <= AT_ONCE_BYTES) {
    const bytes = yield* fs.readFile(parcel.tarball)
    moved(bytes.length)
    return HttpBody.uint8Array(bytes, type)
  }
  const stream = fs
    .stream(parcel.tarball, { chunkSize: 256 * 1024 })
    .pipe(Stream.tap((chunk) => Effect.sync(() => moved(chunk.length))))
  return HttpBody.stream(stream, type, parcel.bytes)
})

/** Sends one tarball. Fails only when it cannot be read from our own disk. */
export const send = Effect.fnUntraced(function* (parcel: Parcel) {
  const destination = yield* Destination
  const meter: Meter = { moved: 0 }
  const body = yield* tarballBody(parcel, meter)
  const request = HttpClientRequest.put(`${destination.url}${path.episode(destination.hostId, parcel.episodeId)}`).pipe(
    HttpClientRequest.setHeaders({
      [header.reprDigest]: formatReprDigest(parcel.sha256),
      [header.contentSha256]: parcel.contentSha256,
      ...(parcel.commit !== undefined && { [header.codeCommit]: parcel.commit })
    }),
    HttpClientRequest.setBody(body)
  )
  const sent = { hostId: destination.hostId, ...parcel }
  return yield* exchange(request, readReply, meter).pipe(
    Effect.flatMap((reply) => Effect.map(Clock.currentTimeMillis, (now): Verdict => judge(reply, sent, now))),
    Effect.catchTag("Unanswered", ({ code, connected, error }) => Effect.succeed(unanswered(code, error, connected)))
  )
})

/** Asks with the same authentication as sending, and stores nothing. */
export const ask = Effect.fnUntraced(function* (words: Readonly<Record<string, unknown>>) {
  const destination = yield* Destination
  const request = HttpClientRequest.post(`${destination.url}${path.ping}`).pipe(HttpClientRequest.bodyJsonUnsafe(words))
  return yield* exchange(request, readReply)
})

/** What the receiver says it has under a name. */
export type Holding =
  | { readonly _tag: "Holds"; readonly contentSha256: string }
  | { readonly _tag: "NotStored" }
  | { readonly _tag: "NoWord"; readonly error: string }

const holdingOf = ({ status, headers }: HttpClientResponse.HttpClientResponse): Holding => {
  const contentSha256 = headers[header.contentSha256]
  if (status === 200 && contentSha256 !== undefined) return { _tag: "Holds", contentSha256 }
  // An answer to HEAD has no body; the receiver names the problem in a header. Without it a problem document tells its own from a proxy's.
  const problem = headers[header.problem]
  const own =
    problem === undefined ? headers["content-type"]?.startsWith("application/problem+json") : problem === "not-stored"
  return status === 404 && own === true ? { _tag: "NotStored" } : { _tag: "NoWord", error: `HTTP status ${status}` }
}

export const holding = Effect.fnUntraced(function* (hostId: HostId, episodeId: EpisodeId) {
  const { url } = yield* Destination
  const request = HttpClientRequest.head(`${url}${path.episode(hostId, episodeId)}`)
  return yield* exchange(request, (response) => Effect.succeed(holdingOf(response))).pipe(
    Effect.catchTag("Unanswered", ({ error }) => Effect.succeed<Holding>({ _tag: "NoWord", error }))
  )
})
