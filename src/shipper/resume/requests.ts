/** The three requests of a resumable upload, each with what its answer means; see `src/domain/upload/reading.ts`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { header, path } from "../../domain/protocol.ts"
import {
  formatComplete,
  formatInteropVersion,
  formatLength,
  formatOffset,
  PARTIAL_UPLOAD,
  uploadHeader
} from "../../domain/upload/fields.ts"
import { type Answer, type Reading, readAppend, readCreation, readOffset } from "../../domain/upload/reading.ts"
import { judge, type Verdict } from "../../domain/verdict.ts"
import { Destination } from "../Destination.ts"
import { exchange, readAnswer } from "../exchange.ts"
import { exchangePart, type Parcel, parcelHeaders } from "../parcel.ts"

/** What the answer means for the upload, and what it would mean for the episode. */
export interface Step {
  readonly reading: Reading
  readonly verdict: Verdict
}

const step = Effect.fnUntraced(function* (parcel: Parcel, answer: Answer, reading: Reading) {
  const { hostId } = yield* Destination
  const now = yield* Clock.currentTimeMillis
  return { reading, verdict: judge(answer, { hostId, ...parcel }, now) } satisfies Step
})

const interop = { [uploadHeader.interopVersion]: formatInteropVersion() }

/** Makes an upload, with everything that the receiver can refuse the episode for, and no byte of it. */
export const create = Effect.fnUntraced(function* (parcel: Parcel) {
  const { hostId, url } = yield* Destination
  const target = `${url}${path.episode(hostId, parcel.episodeId)}`
  const request = HttpClientRequest.post(target).pipe(
    HttpClientRequest.setHeaders({
      ...interop,
      ...parcelHeaders(parcel),
      [uploadHeader.complete]: formatComplete(false),
      [uploadHeader.length]: formatLength(parcel.bytes)
    })
  )
  const answer = yield* exchange(request, readAnswer)
  return yield* step(parcel, answer, readCreation(answer, target))
})

/** An answer to HEAD has no body: the receiver names its problem in a header. */
const readHead = ({ headers, status }: HttpClientResponse.HttpClientResponse) => {
  const problem = headers[header.problem]
  const body = problem && { error: `HTTP status ${status} (${problem}) to the question how far the upload is` }
  return Effect.succeed<Answer>({ status, headers, retryAfter: headers["retry-after"], body })
}

/** Asks how much of it the receiver has. */
export const askOffset = Effect.fnUntraced(function* (parcel: Parcel, url: string) {
  const request = HttpClientRequest.head(url).pipe(HttpClientRequest.setHeaders(interop))
  const answer = yield* exchange(request, readHead)
  return yield* step(parcel, answer, readOffset(answer, parcel.bytes))
})

/** Appends the `bytes` behind `from`; the last of them end the upload. */
export const append = Effect.fnUntraced(function* (parcel: Parcel, url: string, from: number, bytes: number) {
  const end = from + bytes
  const last = end === parcel.bytes
  const request = HttpClientRequest.patch(url).pipe(
    HttpClientRequest.setHeaders({
      ...interop,
      [uploadHeader.offset]: formatOffset(from),
      [uploadHeader.complete]: formatComplete(last)
    })
  )
  const answer = yield* exchangePart(request, parcel, { from, bytes, type: PARTIAL_UPLOAD })
  return yield* step(parcel, answer, readAppend(answer, { end, last }))
})
