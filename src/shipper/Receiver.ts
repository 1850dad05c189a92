/** The far end, as the shipper sees it: one verdict per episode sent, one word per question asked. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { EpisodeId, HostId } from "../domain/names.ts"
import { header, path } from "../domain/protocol.ts"
import { SMALLEST_APPEND_BYTES } from "../domain/upload/appendSize.ts"
import { judge, unanswered, type Verdict } from "../domain/verdict.ts"
import { Destination } from "./Destination.ts"
import { Effort } from "./Effort.ts"
import { exchange, readAnswer } from "./exchange.ts"
import { Link } from "./Link.ts"
import { exchangePart, type Parcel, parcelHeaders } from "./parcel.ts"
import { Resumption } from "./resume/Resumption.ts"
import { learnNotKnown, sendInParts } from "./resume/sendInParts.ts"
import { readUploadNote } from "./resume/uploadNote.ts"
import { Turn } from "./Turn.ts"
import { onItsWay, type Way } from "./transfers.ts"

/** In one request. */
const put = Effect.fnUntraced(function* (parcel: Parcel, way: Way) {
  const destination = yield* Destination
  const { cut } = yield* Resumption
  const turn = yield* Turn
  way.begun(0)
  const request = HttpClientRequest.put(`${destination.url}${path.episode(destination.hostId, parcel.episodeId)}`).pipe(
    HttpClientRequest.setHeaders(parcelHeaders(parcel))
  )
  const sent = { hostId: destination.hostId, ...parcel }
  const whole = { from: 0, bytes: parcel.bytes, type: "application/zstd" }
  return yield* turn.inOneGo(exchangePart(request, parcel, whole, way.sent)).pipe(
    Effect.flatMap((answer) => Effect.map(Clock.currentTimeMillis, (now): Verdict => judge(answer, sent, now))),
    Effect.catchTag("Unanswered", ({ code, connected, error }) =>
      Effect.sync(() => {
        if (connected) cut.add(parcel.episodeId)
        return unanswered(code, error, connected)
      })
    )
  )
})

/** Where no upload got through. Only the receiver's own judgement of the episode shows that a PUT fares better. */
const putInstead = Effect.fnUntraced(function* (parcel: Parcel, way: Way) {
  const verdict = yield* put(parcel, way)
  if (verdict._tag !== "NotLetIn" && verdict._tag !== "Transient") yield* learnNotKnown(parcel)
  return verdict
})

/** Whether a cut would cost much. */
const isLarge = Effect.fnUntraced(function* ({ bytes }: Parcel) {
  const { takesLong } = yield* Effort
  const { aboveBytes } = yield* Resumption
  return bytes > aboveBytes || takesLong(bytes)
})

/** Or has cost it. What is no larger than an append is soon sent again. */
const isBetterInParts = Effect.fnUntraced(function* (parcel: Parcel) {
  const { cut } = yield* Resumption
  if (yield* isLarge(parcel)) return true
  if (parcel.bytes <= SMALLEST_APPEND_BYTES) return false
  return cut.has(parcel.episodeId) || (yield* readUploadNote(parcel)) !== undefined
})

/** Sends without an append that got through, before one in one request: that may be let through. */
const MOST_BLOCKED = 3

/** In appends; counts for how many sends not one got through. */
const sendSoFar = Effect.fnUntraced(function* (parcel: Parcel, way: Way) {
  const { blocked } = yield* Resumption
  const { episodeId } = parcel
  let first: number | undefined
  let last: number | undefined
  const verdict = yield* sendInParts(parcel, (offset) => {
    if (first === undefined) way.begun(offset)
    else way.sent(offset)
    first ??= offset
    last = offset
    if (last > first) blocked.delete(episodeId)
  })
  // Where it could not be asked what arrived, no append was tried. A 401 is about the token, a 429 or 5xx about the receiver.
  const isBlocked =
    (verdict?._tag === "NotLetIn" && verdict.status !== 401) ||
    (verdict?._tag === "Transient" && verdict.status === 0 && verdict.reached)
  if (first !== undefined && first === last && isBlocked) {
    blocked.set(episodeId, (blocked.get(episodeId) ?? 0) + 1)
  }
  return verdict
})

/**
 * Sends one tarball: one that is large, on its way for long, or was cut, so that a cut link costs little, wherever the receiver knows
 * how. Fails only when it cannot be read from our own disk, nothing may be sent at this time, or it makes way. `onBegun` hears how much
 * of it was there before.
 */
export const send = Effect.fnUntraced(function* (parcel: Parcel, onBegun: (bytes: number) => void = () => undefined) {
  const { blocked, cut, isPossible } = yield* Resumption
  const inParts = (yield* isPossible) && (yield* isBetterInParts(parcel))
  const verdict = yield* onItsWay(
    parcel,
    Effect.fnUntraced(function* ({ begun, sent }: Way) {
      const way: Way = {
        begun: (bytes) => {
          onBegun(bytes)
          begun(bytes)
        },
        sent
      }
      if (!inParts) return yield* put(parcel, way)
      if ((blocked.get(parcel.episodeId) ?? 0) < MOST_BLOCKED) {
        const verdict = yield* sendSoFar(parcel, way)
        if (verdict !== undefined) return verdict
      }
      blocked.delete(parcel.episodeId)
      return yield* putInstead(parcel, way)
    })
  )
  if (verdict._tag !== "NotLetIn" && verdict._tag !== "Transient") {
    cut.delete(parcel.episodeId)
    blocked.delete(parcel.episodeId)
  }
  return verdict
})

/** Asks with the same authentication as sending, and stores nothing. */
export const ask = Effect.fnUntraced(function* (words: Readonly<Record<string, unknown>>) {
  const destination = yield* Destination
  const request = HttpClientRequest.post(`${destination.url}${path.ping}`).pipe(HttpClientRequest.bodyJsonUnsafe(words))
  return yield* exchange(request, readAnswer)
})

/** What the receiver says it has under a name. */
export type Holding =
  | { readonly _tag: "Holds"; readonly contentSha256: string }
  /** Something, and an older receiver's row does not say which content. */
  | { readonly _tag: "HoldsUnknown" }
  | { readonly _tag: "NotStored" }
  | { readonly _tag: "NoWord"; readonly error: string }

const holdingOf = ({ status, headers }: HttpClientResponse.HttpClientResponse): Holding => {
  const contentSha256 = headers[header.contentSha256]
  if (status === 200 && contentSha256 !== undefined) return { _tag: "Holds", contentSha256 }
  if (status === 200 && headers[header.reprDigest] !== undefined) return { _tag: "HoldsUnknown" }
  // An answer to HEAD has no body; the receiver names the problem in a header. Without it a problem document tells its own from a proxy's.
  const problem = headers[header.problem]
  const own =
    problem === undefined ? headers["content-type"]?.startsWith("application/problem+json") : problem === "not-stored"
  return status === 404 && own === true ? { _tag: "NotStored" } : { _tag: "NoWord", error: `HTTP status ${status}` }
}

export const holding = Effect.fnUntraced(function* (hostId: HostId, episodeId: EpisodeId) {
  const { url } = yield* Destination
  const link = yield* Link
  yield* link.unrestrained
  const request = HttpClientRequest.head(`${url}${path.episode(hostId, episodeId)}`)
  return yield* exchange(request, (response) => Effect.succeed(holdingOf(response))).pipe(
    Effect.catchTag("Unanswered", ({ error }) => Effect.succeed<Holding>({ _tag: "NoWord", error }))
  )
})
