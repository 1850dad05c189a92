import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import { parseForeignJson } from "../domain/json.ts"
import type { Problem } from "../domain/protocol.ts"
import { openBody } from "./body.ts"
import { Limits } from "./limits.ts"
import { lengthIn, tooLarge } from "./questions.ts"

const utf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const notJson = (why: string): Problem => ({
  problem: "bad-request",
  error: `the body is not JSON: ${why}`,
  remediation: "send it as JSON (RFC 8259), in UTF-8"
})

/** A body of at most `limit` bytes, up to 1 MiB, as JSON from anybody. */
export const readJsonBody = Effect.fnUntraced(function* (request: HttpServerRequest, limit: number) {
  const bytes = yield* Effect.fromResult(lengthIn(request.headers))
  if (bytes > limit) return yield* Effect.fail(tooLarge(bytes, limit))
  const body = yield* openBody(request, { bytes }, yield* Limits)
  const whole = new Uint8Array(bytes)
  let filled = 0
  for (let piece = yield* body.next; piece !== undefined; piece = yield* body.next) {
    whole.set(piece, filled)
    filled += piece.length
  }
  const text = utf8(whole)
  if (text === undefined) return yield* Effect.fail(notJson("it is not UTF-8"))
  const value = parseForeignJson(text)
  return value === undefined ? yield* Effect.fail(notJson("it cannot be read as any")) : value
}, Effect.scoped)
