/** `state/last.json`: what went well last, and what did not, for `status`. Losing it loses nothing else. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Unsynced from "../unsynced.ts"
import { Layout } from "./layout.ts"
import { readJson } from "./readJson.ts"

/** Times are RFC 3339, UTC. */
export const LastWords = Schema.Struct({
  last_success_at: Schema.optionalKey(Schema.String),
  last_success_episode: Schema.optionalKey(Schema.String),
  last_error_at: Schema.optionalKey(Schema.String),
  last_error: Schema.optionalKey(Schema.String)
})
export type LastWords = typeof LastWords.Type

const encode = Schema.encodeEffect(Schema.fromJsonString(LastWords))
const pathOfWords = Effect.map(Layout, (paths) => `${paths.state}/last.json`)

/** Empty when nothing was noted, or nothing legible. */
export const readLastWords = Effect.gen(function* () {
  const reading = yield* readJson(yield* pathOfWords, LastWords)
  return reading._tag === "Read" ? reading.value : ({} satisfies LastWords)
})

/** A note that cannot be made is logged and stops nothing. */
const note = Effect.fnUntraced(
  function* (words: LastWords) {
    const text = yield* Effect.orDie(encode({ ...(yield* readLastWords), ...words }))
    yield* Unsynced.replace(yield* pathOfWords, `${text}\n`)
  },
  Effect.catch((error) =>
    Effect.logWarning("cannot note the last words for status").pipe(Effect.annotateLogs({ error: error.message }))
  )
)

const nowIso = Effect.map(DateTime.now, DateTime.formatIso)

/** An episode was shipped. One caller at a time. */
export const noteSuccess = (id: string) =>
  Effect.flatMap(nowIso, (at) => note({ last_success_at: at, last_success_episode: id }))

/** Something went wrong, in words. One caller at a time. */
export const noteTrouble = (error: string) =>
  Effect.flatMap(nowIso, (at) => note({ last_error_at: at, last_error: error }))
