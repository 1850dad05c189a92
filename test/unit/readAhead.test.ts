import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Stream from "effect/Stream"
import { readAhead } from "../../src/receiver/readAhead.ts"

/** As many turns as a reader takes that nobody keeps from going on. */
const turns = Effect.forEach(Array.from({ length: 20_000 }), () => Effect.yieldNow, { discard: true })

/** A body that comes in pieces, each with its number, so many of them at once; and how many were asked for. */
const body = (pieces: number, atOnce: number) => {
  let asked = 0
  const take = () => {
    const first = asked
    asked = Math.min(pieces, asked + atOnce)
    return Array.from({ length: asked - first }, (_, at) => Uint8Array.of((first + at) % 251))
  }
  const stream = Stream.fromArray(Array.from({ length: Math.ceil(pieces / atOnce) })).pipe(
    Stream.rechunk(1),
    Stream.flatMap(() => Stream.suspend(() => Stream.fromArray(take())))
  )
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of it is read
  return { request: { stream } as unknown as HttpServerRequest, asked: () => asked }
}

const drained = (bytes: number) => Uint8Array.from({ length: bytes }, (_, at) => at % 251)

for (const [name, pieces, atOnce, most] of [
  ["one by one", 5000, 1, 1024],
  ["many at once", 400_000, 4000, 264_000]
] as const) {
  it.effect(`reads pieces of a byte that come ${name} only so far ahead, and loses none`, () =>
    Effect.gen(function* () {
      const { asked, request } = body(pieces, atOnce)
      const ahead = yield* readAhead(request, { most: pieces, isAll: true })
      yield* turns
      expect(asked()).toBe(most)
      expect(ahead.ahead()).toBe(most)
      const all = new Uint8Array(pieces)
      for (let at = 0; at < pieces; ) {
        yield* ahead.something
        at = ahead.fill(all.subarray(0, Math.min(pieces, at + 777)), at)
      }
      expect(all).toEqual(drained(pieces))
      expect(ahead.over()).toBe("ended")
      expect(ahead.ahead()).toBe(0)
    }).pipe(Effect.scoped)
  )
}
