import { createHash } from "node:crypto"
import { zstdDecompressSync } from "node:zlib"
import { extract, type Header } from "tar-stream"

export interface Member {
  readonly header: Header
  readonly content: Buffer
}

/** Reads a tarball with nothing of ours. */
export const unpack = async (tarball: Uint8Array): Promise<ReadonlyArray<Member>> => {
  const members: Array<Member> = []
  const reader = extract()
  reader.on("entry", (header, stream, next) => {
    const chunks: Array<Buffer> = []
    stream.on("data", (chunk) => void chunks.push(Buffer.from(chunk as Uint8Array)))
    stream.on("end", () => {
      members.push({ header, content: Buffer.concat(chunks) })
      next()
    })
  })
  const done = new Promise<void>((resolve, reject) => reader.on("finish", () => resolve()).on("error", reject))
  reader.end(zstdDecompressSync(tarball))
  await done
  return members
}

/** The SHA-256 of what `sha256sum` prints for these files, sorted by bytes. */
export const manifestDigest = (files: Readonly<Record<string, string | Uint8Array>>): string => {
  const lines = Object.entries(files)
    .map(([path, content]) => ({ path: Buffer.from(path), content }))
    .toSorted((a, b) => Buffer.compare(a.path, b.path))
    .map(({ content, path }) => {
      const hash = createHash("sha256").update(content).digest("hex")
      const name = path.toString()
      return name.includes("\\") ? `\\${hash}  ${name.replaceAll("\\", "\\\\")}\n` : `${hash}  ${name}\n`
    })
  return createHash("sha256").update(lines.join("")).digest("hex")
}

/** What the first frame's header says it holds (RFC 8878, 3.1.1.1), or `undefined` when it does not say. */
export const frameContentSize = (tarball: Buffer): bigint | undefined => {
  const descriptor = tarball.readUInt8(4)
  const single = (descriptor & 0x20) !== 0
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0)
  const flag = descriptor >> 6
  if (flag === 0) return single ? BigInt(tarball.readUInt8(at)) : undefined
  if (flag === 1) return BigInt(tarball.readUInt16LE(at) + 256)
  return flag === 2 ? BigInt(tarball.readUInt32LE(at)) : tarball.readBigUInt64LE(at)
}
