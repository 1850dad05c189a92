import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { cuts, inPiecesOf } from "./mutate.ts"

/** What something on the other side said, as it came over the wire. */
export interface Said {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Where the body is cut into pieces. */
  readonly cuts: ReadonlyArray<number>
  /** After so many pieces the connection breaks, in this way. */
  readonly breaks?: { readonly after: number; readonly with: unknown } | undefined
}

const streamOf = ({ body, breaks, cuts }: Said) => {
  const pieces = inPiecesOf(body, cuts).filter((piece) => piece.length > 0)
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const [i, piece] of pieces.entries()) {
        if (breaks?.after === i) return controller.error(breaks.with)
        controller.enqueue(piece)
      }
      if (breaks !== undefined) return controller.error(breaks.with)
      controller.close()
    }
  })
}

/** A client whose every request is answered so. `nth` counts from 0. */
export const layerAnswering = (said: (nth: number) => Said) =>
  Layer.sync(HttpClient.HttpClient, () => {
    let asked = 0
    return HttpClient.make((request) =>
      Effect.sync(() => {
        const now = said(asked++)
        // Over the wire any status may have any body; a `Response` is stricter.
        const response = new Response(streamOf(now), { headers: now.headers })
        return HttpClientResponse.fromWeb(request, Object.defineProperty(response, "status", { value: now.status }))
      })
    )
  })

const BROKEN: ReadonlyArray<unknown> = [
  Object.assign(new Error("cut"), { code: "ECONNRESET" }),
  Object.assign(new Error(""), { code: "HPE_INVALID_CHUNK_SIZE" }),
  new Error("no code"),
  "a string",
  undefined,
  null,
  { code: 7, message: [] },
  Object.create(null)
]

const fieldValue = fc.string({
  unit: fc.constantFrom(...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)), "\x80", "\xff")
})

export const saying = (
  status: fc.Arbitrary<number>,
  body: fc.Arbitrary<string>,
  headers: fc.Arbitrary<Readonly<Record<string, string>>> = fc.constant({})
): fc.Arbitrary<Said> =>
  fc.record({
    status,
    headers: fc
      .tuple(
        headers,
        fc.dictionary(fc.constantFrom("content-type", "retry-after", "location"), fieldValue, { maxKeys: 2 })
      )
      .map(([ours, any]) => ({ ...any, ...ours })),
    body: body.map((text) => new Uint8Array(Buffer.from(text))),
    cuts,
    breaks: fc.option(fc.record({ after: fc.nat(3), with: fc.constantFrom(...BROKEN) }), { nil: undefined, freq: 8 })
  })
