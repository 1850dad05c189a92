/** Tarballs: sound ones with their content hash from another hand, and what can come of them. */
import * as zlib from "node:zlib"
import * as fc from "fast-check"
import { extract } from "tar-stream"
import { BLOCK, END_OF_ARCHIVE, padding } from "../../src/domain/tar.ts"
import { bytesOf, COMMIT, directory, EPISODE, file, forged, META, pax, record } from "../support/tarball.ts"
import { manifestDigest } from "../support/unpack.ts"
import { sha256Of } from "../support/wire.ts"
import { relativePath } from "./decoders/samples.ts"
import { mutatedBytes } from "./mutate.ts"

export interface SoundTar {
  /** A header with what follows it, each. */
  readonly members: ReadonlyArray<Uint8Array>
  readonly tar: Uint8Array
  readonly contentSha256: string
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ maxLength: 600 }).map(bytesOf),
  fc.tuple(fc.nat(255), fc.nat({ max: 40_000 })).map(([byte, size]) => new Uint8Array(size).fill(byte))
)

const TAKEN = ["meta.json", "done.marker", "quarantine_reason.json"]
const isFree = (path: string, others: ReadonlyArray<string>): boolean =>
  !TAKEN.includes(path.split("/")[0] ?? "") &&
  !others.some((other) => other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`))

const parents = (path: string): ReadonlyArray<string> =>
  path.split("/").map((_, i, parts) => parts.slice(0, i).join("/"))

/** How a file is written: as ustar, or under a pax header that says the same. */
const written = (style: number, path: string, bytes: Uint8Array): Uint8Array => {
  const at = `${EPISODE}/${path}`
  if (style === 0) return file(at, bytes)
  const records = [record("path", at), record("size", String(bytes.length)), record("mtime", "1.5")].slice(0, style)
  return Buffer.concat([pax(records.join("")), file("stand-in", bytes)])
}

const META_VARIANTS = [META, `{"more":[1],"code_version":{"commit":"${COMMIT}","dirty":false}}`]

/** An episode with these files, sound in every way, and a `done.marker` that is empty or names them all. */
export const soundTar: fc.Arbitrary<SoundTar> = fc
  .record({
    found: fc.array(fc.tuple(relativePath, content, fc.nat(3)), { maxLength: 6 }),
    meta: fc.constantFrom(...META_VARIANTS),
    withMarker: fc.boolean(),
    withParents: fc.boolean(),
    reversed: fc.boolean()
  })
  .map(({ found, meta, reversed, withMarker, withParents }) => {
    const files: Record<string, string | Uint8Array> = Object.create(null)
    const members: Array<Uint8Array> = []
    for (const [path, bytes, style] of found) {
      if (!isFree(path, Object.keys(files))) continue
      files[path] = bytes
      members.push(written(style, path, bytes))
    }
    files["meta.json"] = meta
    const marker = Object.entries(files).map(([path, bytes]) => {
      const name = path.replaceAll("\\", "\\\\")
      return `${name === path ? "" : "\\"}${sha256Of(bytesOf(bytes))}  ${name}\n`
    })
    files["done.marker"] = withMarker ? marker.join("") : ""
    members.push(file(`${EPISODE}/meta.json`, meta), file(`${EPISODE}/done.marker`, files["done.marker"]))
    const above = withParents ? [...new Set(Object.keys(files).flatMap(parents))] : []
    members.unshift(...above.map((path) => directory(path === "" ? EPISODE : `${EPISODE}/${path}`)))
    if (reversed) members.reverse()
    return { members, tar: Buffer.concat([...members, END_OF_ARCHIVE]), contentSha256: manifestDigest(files) }
  })

/** Compressed in one frame or several, with any of the compressor's options. */
export const compressing = fc
  .record({
    level: fc.integer({ min: 1, max: 4 }),
    checksum: fc.nat(1),
    size: fc.nat(1),
    cuts: fc.array(fc.nat(), { maxLength: 3 })
  })
  .map(({ checksum, cuts, level, size }) => (tar: Uint8Array): Uint8Array => {
    const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel, ZSTD_c_contentSizeFlag } = zlib.constants
    const params = { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: checksum, [ZSTD_c_contentSizeFlag]: size }
    const places = [0, ...cuts.map((cut) => cut % (tar.length + 1)).toSorted((a, b) => a - b)]
    return Buffer.concat(places.map((from, i) => zlib.zstdCompressSync(tar.subarray(from, places[i + 1]), { params })))
  })

/** Where a header's fields are. */
const FIELDS = [0, 100, 108, 116, 124, 136, 156, 157, 257, 263, 265, 297, 329, 337, 345, 500]
const FIELD_VALUES = [
  "\0",
  "0",
  "5",
  "x",
  "g",
  "L",
  "K",
  "S",
  "1",
  "2",
  "7",
  "9",
  "A",
  " ",
  "/",
  "../",
  "\x80",
  "\xff",
  "00000000000\0",
  "77777777777\0",
  "00000000001 ",
  "        ",
  "ustar  \0",
  "ustar\x0000",
  "\x80\0\0\0\0\0\0\0\0\0\x02\0"
]
const headerChange = fc.tuple(
  fc.nat(),
  fc.oneof({ arbitrary: fc.constantFrom(...FIELDS), weight: 4 }, fc.nat(BLOCK - 1)),
  fc.oneof(
    {
      arbitrary: fc.constantFrom(...FIELD_VALUES).map((text) => new Uint8Array(Buffer.from(text, "latin1"))),
      weight: 3
    },
    fc.uint8Array({ minLength: 1, maxLength: 4 })
  )
)

/** Headers that lie, their checksums made right again; members dropped, doubled and swapped. */
const liesIn = fc
  .tuple(soundTar, fc.array(headerChange, { maxLength: 3 }), fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 2 }))
  .map(([{ members }, changes, moves]) => {
    const all = [...members]
    for (const [which, at, bytes] of changes) {
      const i = which % all.length
      const member = all[i]
      if (member !== undefined) all[i] = forged(member, (header) => header.set(bytes.subarray(0, BLOCK - at), at))
    }
    for (const [from, to] of moves) {
      const [member] = from % 2 === 0 ? all.splice(from % all.length, 1) : [all[from % all.length]]
      if (member !== undefined && to % 3 > 0) all.splice(to % (all.length + 1), 0, member)
      if (all.length === 0) break
    }
    return new Uint8Array(Buffer.concat([...all, END_OF_ARCHIVE]))
  })

/** A tar near a sound one. */
export const tarNear = fc.oneof(
  mutatedBytes(soundTar.map(({ tar }) => tar)),
  { arbitrary: liesIn, weight: 2 },
  soundTar.map(({ tar }) => tar)
)

/** A tarball near a sound one: harmed before it was compressed, after, or both. */
export const tarballNear = fc.oneof(
  { arbitrary: fc.tuple(compressing, tarNear).map(([compress, tar]) => compress(tar)), weight: 3 },
  { arbitrary: mutatedBytes(fc.tuple(compressing, soundTar).map(([compress, { tar }]) => compress(tar))), weight: 3 },
  mutatedBytes(fc.tuple(compressing, tarNear).map(([compress, tar]) => compress(tar)))
)

/** What another reader finds: the content hash over its files, or why it finds nothing. */
export const readByOthers = async (tar: Uint8Array): Promise<string> => {
  const files: Record<string, Uint8Array> = Object.create(null)
  const names = new Set<string>()
  const reader = extract()
  reader.on("entry", (header, stream, next) => {
    const name = header.name.replace(/\/$/, "")
    if (names.has(name)) reader.destroy(new Error(`${name} stands twice`))
    names.add(name)
    const chunks: Array<Buffer> = []
    stream.on("data", (chunk) => void chunks.push(Buffer.from(chunk as Uint8Array)))
    stream.on("end", () => {
      if (header.type === "file") files[header.name.slice(EPISODE.length + 1)] = Buffer.concat(chunks)
      next()
    })
  })
  const done = new Promise<void>((resolve, reject) => reader.on("finish", () => resolve()).on("error", reject))
  // It wants whole blocks of the zeros at the end, which may be of any number.
  reader.end(Buffer.concat([tar, new Uint8Array(padding(tar.length))]))
  await done
  return manifestDigest(files)
}
