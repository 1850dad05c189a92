import * as zlib from "node:zlib"
import { BLOCK, checksum, END_OF_ARCHIVE, encodeHeader, padding, type TarEntry } from "../../src/domain/tar.ts"

const utf8 = new TextEncoder()

export const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? utf8.encode(content) : content

export const padded = (content: string | Uint8Array): Uint8Array => {
  const bytes = bytesOf(content)
  return Buffer.concat([bytes, new Uint8Array(padding(bytes.length))])
}

export const file = (path: string, content: string | Uint8Array = "", over: Partial<TarEntry> = {}): Uint8Array =>
  Buffer.concat([
    encodeHeader({ path, type: "file", size: bytesOf(content).length, mode: 0o644, mtime: 1_700_000_000, ...over }),
    padded(content)
  ])

export const directory = (path: string): Uint8Array =>
  encodeHeader({ path, type: "directory", size: 0, mode: 0o755, mtime: 1_700_000_000 })

/** A member with its header changed by hand and its checksum made right again. */
export const forged = (member: Uint8Array, change: (header: Uint8Array) => void): Uint8Array => {
  const copy = Uint8Array.from(member)
  const header = copy.subarray(0, BLOCK)
  change(header)
  header.set(utf8.encode(`${checksum(header).toString(8).padStart(6, "0")}\0 `), 148)
  return copy
}

export const put = (header: Uint8Array, offset: number, text: string | Uint8Array): void =>
  header.set(bytesOf(text), offset)

export const withFlag = (member: Uint8Array, flag: string): Uint8Array => forged(member, (h) => put(h, 156, flag))

/** A pax header (or a global one) whose records are these bytes. */
export const pax = (records: string | Uint8Array, flag = "x"): Uint8Array => withFlag(file("PaxHeader", records), flag)

export const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`
  const length = bytesOf(rest).length
  return `${length + String(length + String(length).length).length}${rest}`
}

export const tarOf = (...members: ReadonlyArray<Uint8Array>): Uint8Array => Buffer.concat([...members, END_OF_ARCHIVE])

export const EPISODE = "01JC0EPISODE"
export const COMMIT = "0123456789abcdef0123456789abcdef01234567"
export const META = JSON.stringify({ code_version: { commit: COMMIT } })

export const meta = file(`${EPISODE}/meta.json`, META)
export const marker = file(`${EPISODE}/done.marker`)

/** What every sound episode holds, and these members behind it. */
export const episode = (...members: ReadonlyArray<Uint8Array>): Uint8Array =>
  tarOf(directory(EPISODE), marker, meta, ...members)

export const zstd = (bytes: Uint8Array): Uint8Array =>
  zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } })

/** Calls `push` with the bytes in pieces of `size`, until it says stop. */
export const inPieces = (bytes: Uint8Array, size: number, push: (piece: Uint8Array) => boolean): void => {
  for (let at = 0; at < bytes.length; at += size) if (!push(bytes.subarray(at, at + size))) return
}

export const PIECES = [1, 7, 512, 65536] as const
