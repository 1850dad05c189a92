/** A few small files as one `.tar.zst`. */
import * as Effect from "effect/Effect"
import { END_OF_ARCHIVE, encodeHeader, padding, type TarEntry } from "../domain/tar.ts"
import { Codec } from "../services/Codec.ts"

export interface Member {
  /** Below the top directory. */
  readonly name: string
  readonly content: string
}

const LEVEL = 9

const joined = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

const directoriesOf = (top: string, members: ReadonlyArray<Member>): ReadonlyArray<string> => {
  const parents = members.flatMap(({ name }) => {
    const parts = name.split("/").slice(0, -1)
    return parts.map((_, at) => `${top}/${parts.slice(0, at + 1).join("/")}`)
  })
  return [top, ...new Set(parents)]
}

/** `now` in milliseconds since 1970. */
export const archive = Effect.fnUntraced(function* (top: string, members: ReadonlyArray<Member>, now: number) {
  const codec = yield* Codec
  const utf8 = new TextEncoder()
  const mtime = Math.floor(now / 1000)
  const directories = directoriesOf(top, members).map(
    (path): TarEntry => ({ path, type: "directory", size: 0, mode: 0o700, mtime })
  )
  const files = members.map(({ content, name }) => {
    const bytes = utf8.encode(content)
    const entry: TarEntry = { path: `${top}/${name}`, type: "file", size: bytes.length, mode: 0o600, mtime }
    return { entry, bytes }
  })
  const tar = joined([
    ...directories.map(encodeHeader),
    ...files.flatMap(({ bytes, entry }) => [encodeHeader(entry), bytes, new Uint8Array(padding(bytes.length))]),
    END_OF_ARCHIVE
  ])
  const compressor = yield* codec.compressor({ level: LEVEL, contentSize: tar.length })
  return joined(yield* compressor.push(tar))
}, Effect.scoped)
