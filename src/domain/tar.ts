/**
 * Writing the tar of an episode: ustar, with a pax extended header where ustar cannot say it (POSIX.1-2024, pax,
 * "ustar Interchange Format" and "pax Extended Header"). Owner and group are 0, without names.
 */

import { concat } from "./concat.ts"

/** The episode's `meta.json`, in bytes. */
export const MAX_META_BYTES = 1024 * 1024
/** A `done.marker` with a manifest in it, in bytes: some 100,000 lines. */
export const MAX_MARKER_BYTES = 16 * 1024 * 1024
/** A member's path, top directory included, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 1024

export const BLOCK = 512
/** The end marker: two zero blocks. */
export const END_OF_ARCHIVE = new Uint8Array(2 * BLOCK)

export interface TarEntry {
  /** Relative, top directory included, no trailing slash; one that `checkPath` accepts. */
  readonly path: string
  readonly type: "file" | "directory"
  /** Bytes; 0 for a directory. */
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  /** Whole seconds since 1970; negative before. */
  readonly mtime: number
}

const MAX_OCTAL_11 = 0o77777777777
const utf8 = new TextEncoder()

/** A path for people: quoted, escaped, and not longer than a line. */
export const quotePath = (path: string): string => JSON.stringify(path.length > 160 ? `${path.slice(0, 160)}…` : path)

const hasControl = (path: string): boolean => {
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i)
    if (unit < 0x20 || unit === 0x7f) return true
  }
  return false
}

/** A UTF-16 unit takes one byte to three. */
const isTooLong = (path: string): boolean =>
  path.length > MAX_PATH_BYTES || (path.length * 3 > MAX_PATH_BYTES && utf8.encode(path).length > MAX_PATH_BYTES)

/** What the archive grammar refuses about a path (top directory included), in words; `undefined` when nothing. */
export const checkPath = (path: string): string | undefined => {
  if (path === "") return "an empty path"
  if (path.startsWith("/")) return `${quotePath(path)} is absolute`
  if (!path.isWellFormed()) return `${quotePath(path)} is not UTF-8`
  if (isTooLong(path)) return `${quotePath(path)} is longer than ${MAX_PATH_BYTES} bytes`
  if (hasControl(path)) return `${quotePath(path)} has a control character`
  const bad = /(?:^|\/)(\.{0,2})(?:\/|$)/.exec(path)?.[1]
  return bad === undefined ? undefined : `${quotePath(path)} has ${bad === "" ? "an empty" : `a "${bad}"`} component`
}

const isAscii = (text: string): boolean => !/[^\x20-\x7e]/.test(text)

interface Fields {
  readonly name: string
  readonly prefix: string
  readonly typeflag: "0" | "5" | "x"
  readonly size: number
  readonly mode: number
  readonly mtime: number
}

const putAscii = (block: Uint8Array, offset: number, text: string): void => {
  for (let i = 0; i < text.length; i++) block[offset + i] = text.charCodeAt(i)
}

/** `width` counts the NUL behind the digits. */
const putOctal = (block: Uint8Array, offset: number, width: number, value: number): void =>
  putAscii(block, offset, value.toString(8).padStart(width - 1, "0"))

const putHeader = (block: Uint8Array, fields: Fields): void => {
  putAscii(block, 0, fields.name)
  putOctal(block, 100, 8, fields.mode)
  putOctal(block, 108, 8, 0)
  putOctal(block, 116, 8, 0)
  putOctal(block, 124, 12, fields.size)
  putOctal(block, 136, 12, fields.mtime)
  putAscii(block, 148, "        ")
  putAscii(block, 156, fields.typeflag)
  putAscii(block, 257, "ustar\x0000")
  putOctal(block, 329, 8, 0)
  putOctal(block, 337, 8, 0)
  putAscii(block, 345, fields.prefix)
  putAscii(block, 148, `${checksum(block).toString(8).padStart(6, "0")}\0`)
}

/** The sum of a header's bytes, its checksum field counted as spaces. */
export const checksum = (block: Uint8Array): number => {
  let sum = 8 * 0x20
  for (let i = 0; i < 148; i++) sum += block[i] ?? 0
  for (let i = 156; i < BLOCK; i++) sum += block[i] ?? 0
  return sum
}

/** The path as ustar's name and prefix, or `undefined` when it has no room or no letters for it. */
const splitName = (path: string): Pick<Fields, "name" | "prefix"> | undefined => {
  if (!isAscii(path)) return undefined
  if (path.length <= 100) return { name: path, prefix: "" }
  const slash = path.lastIndexOf("/", Math.min(155, path.length - 2))
  if (slash <= 0 || path.length - slash - 1 > 100) return undefined
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) }
}

/** What a reader without pax sees of a path that only pax can say. */
const standIn = (path: string): Pick<Fields, "name" | "prefix"> => ({
  name: path
    .replace(/[^\x20-\x7e]/g, "")
    .slice(0, 100)
    .replace(/\/+$/, ""),
  prefix: ""
})

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
const paxRecord = (key: string, value: string): Uint8Array => {
  const rest = utf8.encode(` ${key}=${value}\n`).length
  const digits = String(rest + String(rest).length).length
  return utf8.encode(`${rest + digits} ${key}=${value}\n`)
}

/** The zeros that fill the last block of `size` bytes, counted. */
export const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK

const withPax = (records: ReadonlyArray<Uint8Array>, fields: Fields): Uint8Array => {
  const body = concat(records)
  const header = new Uint8Array(BLOCK + body.length + padding(body.length) + BLOCK)
  putHeader(header.subarray(0, BLOCK), {
    name: "PaxHeader",
    prefix: "",
    typeflag: "x",
    size: body.length,
    mode: 0o644,
    mtime: 0
  })
  header.set(body, BLOCK)
  putHeader(header.subarray(header.length - BLOCK), fields)
  return header
}

/** What stands before a member's bytes: one ustar header, or a pax header and one. */
export const encodeHeader = (entry: TarEntry): Uint8Array => {
  const path = entry.type === "directory" ? `${entry.path}/` : entry.path
  const name = splitName(path)
  const sizeFits = entry.size <= MAX_OCTAL_11
  const mtimeFits = entry.mtime >= 0 && entry.mtime <= MAX_OCTAL_11
  const fields: Fields = {
    ...(name ?? standIn(path)),
    typeflag: entry.type === "directory" ? "5" : "0",
    size: sizeFits ? entry.size : 0,
    mode: entry.mode,
    mtime: mtimeFits ? entry.mtime : 0
  }
  const records = [
    ...(mtimeFits ? [] : [paxRecord("mtime", String(entry.mtime))]),
    ...(name !== undefined ? [] : [paxRecord("path", path)]),
    ...(sizeFits ? [] : [paxRecord("size", String(entry.size))])
  ]
  if (records.length > 0) return withPax(records, fields)
  const block = new Uint8Array(BLOCK)
  putHeader(block, fields)
  return block
}
