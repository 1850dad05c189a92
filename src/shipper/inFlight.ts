/**
 * `state/in_flight.json`: what is on its way, noted every few seconds by whoever sends, for `status` beside it. Losing it loses nothing
 * else; one that a crash left belongs to nobody who holds the data root.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { wordsOf } from "../systemError.ts"
import * as Unsynced from "../unsynced.ts"
import { Layout } from "./layout.ts"
import { Progress } from "./Progress.ts"
import { readJson } from "./readJson.ts"
import { Figures, figures } from "./transfers.ts"

/** The time is RFC 3339, UTC. */
export const InFlight = Schema.Struct({ at: Schema.String, transfers: Schema.Array(Figures) })
export type InFlight = typeof InFlight.Type

const encode = Schema.encodeEffect(Schema.fromJsonString(InFlight))
const pathOfNote = Effect.map(Layout, (paths) => `${paths.state}/in_flight.json`)

/** Nothing where nothing legible is noted. */
export const readInFlight = Effect.gen(function* () {
  const reading = yield* readJson(yield* pathOfNote, InFlight)
  return reading._tag === "Read" ? reading.value.transfers : []
})

const write = Effect.fnUntraced(function* (transfers: InFlight["transfers"]) {
  const at = DateTime.formatIso(yield* DateTime.now)
  yield* Unsynced.replace(yield* pathOfNote, `${yield* Effect.orDie(encode({ at, transfers }))}\n`)
})

const clear = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(yield* pathOfNote, { force: true })
})

const EVERY_MILLIS = 3000

/** Notes what is on its way as long as it is not interrupted, and lets `say` tell others. */
export const noteInFlight = <R>(say: Effect.Effect<void, never, R>) =>
  Effect.gen(function* () {
    const { moving, transfers } = yield* Progress
    let failing = false
    const orSaid = Effect.fnUntraced(function* <R2>(
      noting: Effect.Effect<void, import("effect/PlatformError").PlatformError, R2>
    ) {
      const error = yield* Effect.flip(noting).pipe(Effect.orElseSucceed(() => undefined))
      if (error !== undefined && !failing) {
        yield* Effect.logWarning(`cannot note for status what is on its way: ${wordsOf(error)}`)
      }
      failing = error !== undefined
    })
    yield* orSaid(clear)
    for (let noted = false; ; ) {
      yield* moving.await
      yield* Effect.sleep(EVERY_MILLIS)
      if (transfers.size === 0) moving.closeUnsafe()
      const now = yield* figures
      if (now.length === 0 && !noted) continue
      noted = now.length > 0
      yield* orSaid(noted ? write(now) : clear)
      yield* say
    }
  })
