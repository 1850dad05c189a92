/** Reads an episode tarball back, in the simplest way that can be right; knows nothing of how the programs write or check one. */
import { zstdDecompressSync } from "node:zlib"

const BLOCK = 512

export interface Member {
  readonly path: string
  readonly type: "file" | "directory"
  readonly bytes: Uint8Array
}

const decoder = new TextDecoder()
const textOf = (bytes: Uint8Array): string => decoder.decode(bytes).replace(/\0[^]*$/, "")
const octalOf = (bytes: Uint8Array): number => Number.parseInt(textOf(bytes).trim() || "0", 8)

/** `<length> <key>=<value>\n`, one after the other. */
const paxOf = (bytes: Uint8Array): ReadonlyMap<string, string> => {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(decoder.decode(bytes.subarray(at, at + 12)), 10)
    const record = decoder.decode(bytes.subarray(at, at + length - 1))
    const [key = "", ...value] = record.slice(record.indexOf(" ") + 1).split("=")
    records.set(key, value.join("="))
    at += length
  }
  return records
}

/** Gives the members without the top directory in their paths; throws for what is no tarball. */
export const readTarball = (compressed: Uint8Array): ReadonlyArray<Member> => {
  const tar = zstdDecompressSync(compressed)
  const members: Array<Member> = []
  let pax: ReadonlyMap<string, string> = new Map()
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK)
    const prefix = textOf(header.subarray(345, 500))
    const name = textOf(header.subarray(0, 100))
    const size = pax.has("size") ? Number(pax.get("size")) : octalOf(header.subarray(124, 136))
    const bytes = tar.subarray(at + BLOCK, at + BLOCK + size)
    const type = String.fromCodePoint(header[156] ?? 0)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (type === "x") {
      pax = paxOf(bytes)
      continue
    }
    const path = (pax.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`)).replace(/\/$/, "")
    pax = new Map()
    members.push({ path: path.replace(/^[^/]*\/?/, ""), type: type === "5" ? "directory" : "file", bytes })
  }
  return members
}
