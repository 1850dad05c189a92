/** Reads the names in a row as the receiver writes it, byte by byte: millions of lines go through here. */

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const HEAD = bytesOf('{"schema_version":1,"host_id":"')
const EPISODE = bytesOf('","episode_id":"')
const SHA256 = bytesOf('","sha256":"')
const BYTES = bytesOf('","bytes":')
const CONTENT = bytesOf(',"content_sha256":"')
const RECEIVED = bytesOf('","received_at":"')
const COMMIT = bytesOf(',"commit":"')
const QUOTE = 0x22
const COMMA = 0x2c
const END = 0x7d
const DIGEST = 64
const LONGEST = 128

const stands = (bytes: Uint8Array, at: number, word: Uint8Array): boolean => {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false
  return true
}

/** The next `byte`, not further than any name reaches; -1 when there is none. */
const next = (bytes: Uint8Array, from: number, byte: number): number => {
  for (let at = from; at <= from + LONGEST; at++) if (bytes[at] === byte) return at
  return -1
}

/** Where host and episode stand in a standing row of ours; `undefined` for any other line, which is to be read in full. */
export const namesIn = (bytes: Uint8Array, from: number, to: number) => {
  if (!stands(bytes, from, HEAD)) return undefined
  const host = from + HEAD.length
  const hostEnd = next(bytes, host, QUOTE)
  if (hostEnd < 0 || !stands(bytes, hostEnd, EPISODE)) return undefined
  const episode = hostEnd + EPISODE.length
  const episodeEnd = next(bytes, episode, QUOTE)
  if (episodeEnd < 0 || !stands(bytes, episodeEnd, SHA256)) return undefined
  const size = episodeEnd + SHA256.length + DIGEST
  if (!stands(bytes, size, BYTES)) return undefined
  const content = next(bytes, size + BYTES.length, COMMA)
  if (content < 0 || !stands(bytes, content, CONTENT)) return undefined
  const received = content + CONTENT.length + DIGEST
  if (!stands(bytes, received, RECEIVED)) return undefined
  const time = next(bytes, received + RECEIVED.length, QUOTE)
  if (time < 0) return undefined
  const last = stands(bytes, time + 1, COMMIT) ? time + 1 + COMMIT.length + 41 : time + 1
  return last === to - 1 && bytes[last] === END ? { host, hostEnd, episode, episodeEnd } : undefined
}
