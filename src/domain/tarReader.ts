/**
 * Reading the same subset strictly, header by header: ustar magic, octal numbers, members that are files or directories, pax
 * records `path`, `size` and `mtime`. What cannot be read is answered in words.
 */
import { BLOCK, checksum, quotePath } from "./tar.ts"

/** Far more than the three records we read can need. */
export const MAX_PAX_BYTES = 4096

export interface PaxRecords {
  readonly path?: string
  readonly size?: number
}

export interface TarHeader {
  readonly type: "file" | "directory" | "pax"
  /** As written, without the slash that ends a directory's name; empty for a pax header. */
  readonly path: string
  /** Of what follows, in bytes. */
  readonly size: number
}

const types: Readonly<Record<string, TarHeader["type"]>> = { "0": "file", "\0": "file", "5": "directory", x: "pax" }

const refusedTypes: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a character device",
  "4": "a block device",
  "6": "a FIFO",
  "7": "a contiguous file",
  g: "a global pax header",
  K: "a GNU long link name",
  L: "a GNU long name",
  S: "a GNU sparse file"
}

const octalFields = [
  ["mode", 100, 8],
  ["uid", 108, 8],
  ["gid", 116, 8],
  ["size", 124, 12],
  ["mtime", 136, 12]
] as const

/** May be left blank. */
const deviceFields = [
  ["devmajor", 329],
  ["devminor", 337]
] as const

/** Keeps a byte order mark: it is part of a name. */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text, or `undefined` when the bytes are not UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** One octal digit or more, then a space or NUL or more to the end of the field. */
const octal = (block: Uint8Array, offset: number, length: number): number | undefined => {
  let value = 0
  let at = offset
  for (const end = offset + length; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  if (at === offset || at === offset + length) return undefined
  return block.subarray(at, offset + length).every((byte) => byte === 0x20 || byte === 0) ? value : undefined
}

const untilNul = (block: Uint8Array, offset: number, length: number): Uint8Array => {
  const field = block.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return end === -1 ? field : field.subarray(0, end)
}

const isUstar = (block: Uint8Array): boolean =>
  [0x75, 0x73, 0x74, 0x61, 0x72, 0, 0x30, 0x30].every((byte, i) => block[257 + i] === byte)

/** Old `star` archives keep other fields here and a shorter prefix before. */
const isPadded = (block: Uint8Array): boolean => block.subarray(500, BLOCK).every((byte) => byte === 0)

const ustarPath = (block: Uint8Array): string | undefined => {
  const name = decodeUtf8(untilNul(block, 0, 100))
  const prefix = decodeUtf8(untilNul(block, 345, 155))
  if (name === undefined || prefix === undefined) return undefined
  return prefix === "" ? name : `${prefix}/${name}`
}

/** A header block, under the pax records that stood before it; or what is wrong with it, in words. */
export const parseHeader = (block: Uint8Array, pax: PaxRecords | undefined): TarHeader | string => {
  if (octal(block, 148, 8) !== checksum(block)) return "a header's checksum is wrong"
  if (!isUstar(block) || !isPadded(block)) return "a header is not ustar (pack with --format=ustar or pax)"
  for (const [name, offset, length] of octalFields) {
    if (octal(block, offset, length) === undefined) return `a header's ${name} is not an octal number`
  }
  // Of devices there are none, but Python's tarfile takes a header for the end of the archive when these are no numbers.
  for (const [name, offset] of deviceFields) {
    const blank = block.subarray(offset, offset + 8).every((byte) => byte === 0 || byte === 0x20)
    if (!blank && octal(block, offset, 8) === undefined) return `a header's ${name} is not an octal number`
  }
  const flag = String.fromCharCode(block[156] ?? 0)
  const type = types[flag]
  if (type === undefined)
    return `${refusedTypes[flag] ?? `a member of type ${quotePath(flag)}`}: only files and directories`
  const size = octal(block, 124, 12) ?? 0
  if (type === "pax") return pax === undefined ? { type, path: "", size } : "two pax headers for one member"
  const path = pax?.path ?? ustarPath(block)
  if (path === undefined) return "a path is not UTF-8"
  return {
    type,
    path: type === "directory" && path.endsWith("/") ? path.slice(0, -1) : path,
    size: pax?.size ?? size
  }
}

type Read = PaxRecords | string

const paxKeys: Readonly<Record<string, (value: string) => Read>> = {
  path: (path) => ({ path }),
  size: (digits) => {
    const size = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : Number.NaN
    return Number.isSafeInteger(size) ? { size } : "a pax size is not a number of bytes"
  },
  mtime: (time) => (/^-?[0-9]{1,18}(\.[0-9]{1,18})?$/.test(time) ? {} : "a pax mtime is not a time")
}

/** Where the record that begins at `at` has its space and its end; `undefined` when it has none. */
const frame = (text: Uint8Array, at: number): { readonly space: number; readonly end: number } | undefined => {
  const space = text.indexOf(0x20, at)
  if (space <= at || space - at > 4) return undefined
  const digits = String.fromCharCode(...text.subarray(at, space))
  const end = /^[1-9][0-9]*$/.test(digits) ? at + Number(digits) : Number.NaN
  return end > space && text[end - 1] === 0x0a ? { space, end } : undefined
}

/** The records of a pax header, each at most once; or what is wrong with them, in words. */
export const parsePax = (bytes: Uint8Array): PaxRecords | string => {
  const seen = new Set<string>()
  let records: PaxRecords = {}
  for (let at = 0; at < bytes.length; ) {
    const found = frame(bytes, at)
    if (found === undefined) return "a pax record is malformed"
    const record = decodeUtf8(bytes.subarray(found.space + 1, found.end - 1))
    if (record === undefined) return "a pax record is not UTF-8"
    const equals = record.indexOf("=")
    if (equals <= 0) return "a pax record is malformed"
    const key = record.slice(0, equals)
    if (!Object.hasOwn(paxKeys, key)) return `pax record ${quotePath(key)}: only path, size and mtime`
    if (seen.has(key)) return `pax record ${quotePath(key)} stands twice`
    seen.add(key)
    const read = paxKeys[key]?.(record.slice(equals + 1)) ?? {}
    if (typeof read === "string") return read
    records = { ...records, ...read }
    at = found.end
  }
  return records
}
