/** What a server answers may be anything: bodies up to a limit. */
import * as Effect from "effect/Effect"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { parseForeignJson } from "../domain/json.ts"

/** Piece by piece, as long as it is not too long. */
const readPieces = Effect.fnUntraced(function* (response: HttpClientResponse, limitBytes: number) {
  let bytes = 0
  const decoder = new TextDecoder()
  const text = yield* response.stream.pipe(
    Stream.takeWhile((chunk) => (bytes += chunk.length) <= limitBytes),
    Stream.runFold(
      () => "",
      (before: string, chunk) => before + decoder.decode(chunk, { stream: true })
    )
  )
  return bytes > limitBytes ? undefined : text
})

/** The body as text; `undefined` when it is too long. In one go where it says that it is short: HTTP gives no more than was said. */
export const limitedText = (response: HttpClientResponse, limitBytes: number) =>
  Number(response.headers["content-length"]) <= limitBytes ? response.text : readPieces(response, limitBytes)

/** The body as JSON; `undefined` when it is none, or too long. */
export const limitedJson = (response: HttpClientResponse, limitBytes: number) =>
  Effect.map(limitedText(response, limitBytes), (text) => (text === undefined ? undefined : parseForeignJson(text)))
