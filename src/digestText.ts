import * as Effect from "effect/Effect"
import type { Sha256 } from "./domain/names.ts"
import { Codec } from "./services/Codec.ts"

/** SHA-256 of a text as UTF-8, as a plain function. */
export const digestText = Effect.map(Codec, (codec) => (text: string): Sha256 => {
  const hasher = codec.sha256()
  hasher.update(text)
  return hasher.digest()
})
