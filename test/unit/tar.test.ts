import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { extract, type Header } from "tar-stream"
import { describe, expect, it } from "vitest"
import {
  BLOCK,
  checkPath,
  END_OF_ARCHIVE,
  encodeHeader,
  MAX_PATH_BYTES,
  padding,
  type TarEntry
} from "../../src/domain/tar.ts"
import { parseHeader, parsePax } from "../../src/domain/tarReader.ts"
import { directory, EPISODE, file, forged, put, record, withFlag } from "../support/tarball.ts"

const entry = (over: Partial<TarEntry>): TarEntry => ({
  path: `${EPISODE}/a`,
  type: "file",
  size: 0,
  mode: 0o644,
  mtime: 1_700_000_000,
  ...over
})
/** A path of that many bytes, in components of that many at most. */
const pathOf = (length: number, component = 50, letter = "n"): string =>
  Array.from({ length }, (_, i) => ((i + 1) % (component + 1) === 0 && i < length - 1 ? "/" : letter)).join("")

const odd: ReadonlyArray<TarEntry> = [
  entry({}),
  entry({ path: EPISODE, type: "directory", mode: 0o755 }),
  ...[99, 100, 101, 155, 156, 157, 200, 254, 255, 256, 257, 400, MAX_PATH_BYTES].flatMap((length) => [
    entry({ path: pathOf(length) }),
    entry({ path: pathOf(length - 1), type: "directory", mode: 0o755 }),
    entry({ path: pathOf(length, 100) }),
    entry({ path: pathOf(length, 101) }),
    entry({ path: pathOf(length, 2000) })
  ]),
  entry({ path: `${"p".repeat(155)}/${"n".repeat(100)}` }),
  entry({ path: `${"p".repeat(156)}/${"n".repeat(99)}` }),
  entry({ path: `${"p".repeat(155)}/${"n".repeat(99)}`, type: "directory" }),
  entry({ path: `${"p".repeat(155)}/${"n".repeat(100)}`, type: "directory" }),
  entry({ path: `${EPISODE}/naïve.jsonl` }),
  entry({ path: `${EPISODE}/録音`, type: "directory" }),
  entry({ path: `${EPISODE}/${"é".repeat(90)}/🎛.bin` }),
  entry({ path: `${EPISODE}/\ufeffbom` }),
  // The length of a pax record counts its own digits: around these one more digit is due.
  ...[85, 88, 89, 90, 91, 92, 93, 94, 985, 988, 989, 990, 991, 992, 993].map((length) =>
    entry({ path: `é/${"n".repeat(length - 3)}` })
  ),
  entry({ path: `${EPISODE}/back\\slash "quote" = 5 x=1 space ` }),
  entry({ path: `${EPISODE}/-rf` }),
  entry({ mtime: 0 }),
  entry({ mtime: -1 }),
  entry({ mtime: -2_208_988_800 }),
  entry({ mtime: 0o77777777777 }),
  entry({ mtime: 0o77777777777 + 1 }),
  entry({ mode: 0o755 }),
  entry({ mtime: -5, path: `${EPISODE}/${"ü".repeat(300)}` })
]

interface Seen {
  readonly path: string
  readonly type: string
  readonly size: number
  readonly mode: number
  readonly mtime: number
}
const expected = ({ path, type, size, mode, mtime }: TarEntry): Seen => ({ path, type, size, mode, mtime })

const archiveOf = (entries: ReadonlyArray<TarEntry>): Uint8Array =>
  Buffer.concat([
    ...entries.flatMap((each) => [
      encodeHeader(each),
      new Uint8Array(each.size + padding(each.size)).fill(120, 0, each.size)
    ]),
    END_OF_ARCHIVE
  ])

const readByEffect = (archive: Uint8Array): Promise<ReadonlyArray<Seen>> =>
  Stream.make(archive).pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.map(({ header }) => ({
      path: header.path.replace(/\/$/, ""),
      type: header.type.toLowerCase(),
      size: header.size,
      mode: header.mode,
      mtime: header.mtime.getTime() / 1000
    })),
    Stream.runCollect,
    Effect.runPromise
  )

const readByTarStream = (archive: Uint8Array): Promise<ReadonlyArray<Header>> =>
  new Promise((resolve, reject) => {
    const seen: Array<Header> = []
    const reader = extract()
    reader.on("entry", (header, stream, next) => {
      seen.push(header)
      stream.on("end", () => next())
      stream.resume()
    })
    reader.on("finish", () => resolve(seen))
    reader.on("error", reject)
    reader.end(archive)
  })

/** tar-stream hands out a pax mtime without applying it. */
const mtimeOf = ({ pax, mtime }: Header): number => {
  const said = pax instanceof Object && "mtime" in pax ? Number(pax.mtime) : undefined
  return said ?? mtime.getTime() / 1000
}

/** The reader of this project, over the blocks of one header. */
const readByUs = (header: Uint8Array) => {
  if (header.length === BLOCK) return parseHeader(header, undefined)
  const first = parseHeader(header.subarray(0, BLOCK), undefined)
  if (typeof first === "string") return first
  const records = parsePax(header.subarray(BLOCK, BLOCK + first.size))
  return typeof records === "string" ? records : parseHeader(header.subarray(-BLOCK), records)
}

describe("encodeHeader", () => {
  it("is read by Effect's Tar", async () => {
    expect(await readByEffect(archiveOf(odd))).toEqual(odd.map(expected))
  })

  it("is read by tar-stream, without owner or names", async () => {
    const seen = await readByTarStream(archiveOf(odd))
    const simple = seen.map((header) => {
      const { name, type, size, mode } = header
      return { path: name.replace(/\/$/, ""), type, size, mode, mtime: mtimeOf(header) }
    })
    expect(simple).toEqual(odd.map(expected))
    for (const { uid, gid, uname, gname } of seen) expect([uid, gid, uname, gname]).toEqual([0, 0, "", ""])
  })

  it("is read by our own strict reader", () => {
    for (const { path, type, size, ...rest } of odd) {
      expect(readByUs(encodeHeader({ path, type, size, ...rest }))).toEqual({ path, type, size })
    }
  })

  it("is one block whenever ustar can say it", () => {
    expect(encodeHeader(entry({ path: pathOf(100, 2000) })).length).toBe(BLOCK)
    expect(encodeHeader(entry({ path: pathOf(101, 2000) })).length).toBe(3 * BLOCK)
    expect(encodeHeader(entry({ path: `${"p".repeat(155)}/${"n".repeat(100)}` })).length).toBe(BLOCK)
    expect(encodeHeader(entry({ path: `${"p".repeat(156)}/${"n".repeat(99)}` })).length).toBe(3 * BLOCK)
    expect(encodeHeader(entry({ mtime: 0o77777777777 })).length).toBe(BLOCK)
    expect(encodeHeader(entry({ mtime: -1 })).length).toBe(3 * BLOCK)
    expect(encodeHeader(entry({ size: 8 * 1024 ** 3 - 1 })).length).toBe(BLOCK)
    expect(encodeHeader(entry({ size: 8 * 1024 ** 3 })).length).toBe(3 * BLOCK)
  })

  it("never leaves the name to the prefix alone", () => {
    for (const length of [100, 101, 130, 155]) {
      const header = encodeHeader(entry({ path: `${EPISODE}/${"n".repeat(length - 13)}`, type: "directory" }))
      expect(header[header.length - BLOCK]).not.toBe(0)
    }
  })

  it("says a size over 8 GiB so that the readers understand it", async () => {
    const size = 8 * 1024 ** 3 + 5
    const header = encodeHeader(entry({ size }))
    expect(readByUs(header)).toEqual({ path: `${EPISODE}/a`, type: "file", size })
    const first = await Stream.make(header).pipe(
      Stream.pipeThroughChannel(Tar.decode()),
      Stream.take(1),
      Stream.runHead,
      Effect.runPromise
    )
    expect(first).toMatchObject({ value: { header: { size } } })
  })

  it("survives any path the grammar allows", async () => {
    const paths = fc
      .array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 12 })
      .map((parts) => parts.join("/"))
      .filter((path) => checkPath(path) === undefined)
    await fc.assert(
      fc.asyncProperty(paths, fc.constantFrom("file" as const, "directory" as const), async (path, type) => {
        const one = entry({ path, type })
        expect(readByUs(encodeHeader(one))).toEqual({ path, type, size: 0 })
        expect(await readByEffect(archiveOf([one]))).toEqual([expected(one)])
      })
    )
  })
})

describe("checkPath", () => {
  it.each([
    "a",
    "a/b/c",
    "...",
    "..a/.b",
    "naïve 録音 🎛",
    "back\\slash",
    "\u0085",
    "x".repeat(MAX_PATH_BYTES),
    "é".repeat(MAX_PATH_BYTES / 2)
  ])("allows %j", (path) => {
    expect(checkPath(path)).toBeUndefined()
  })
  it.each([
    ["", "an empty path"],
    ["/etc/passwd", '"/etc/passwd" is absolute'],
    ["a//b", '"a//b" has an empty component'],
    ["a/", '"a/" has an empty component'],
    ["./a", '"./a" has a "." component'],
    ["a/../b", '"a/../b" has a ".." component'],
    ["..", '".." has a ".." component'],
    ["a\nb", '"a\\nb" has a control character'],
    ["a\0b", '"a\\u0000b" has a control character'],
    ["a\x1f", '"a\\u001f" has a control character'],
    ["a\x7f", '"a\x7f" has a control character'],
    ["a\ud800b", '"a\\ud800b" is not UTF-8'],
    ["x".repeat(MAX_PATH_BYTES + 1), `"${"x".repeat(160)}…" is longer than 1024 bytes`],
    [`${"é".repeat(MAX_PATH_BYTES / 2)}x`, `"${"é".repeat(160)}…" is longer than 1024 bytes`]
  ])("refuses %j", (path, words) => {
    expect(checkPath(path)).toBe(words)
  })
})

describe("parseHeader refuses", () => {
  const good = file(`${EPISODE}/a`).subarray(0, BLOCK)
  const words = (header: Uint8Array) => parseHeader(header.subarray(0, BLOCK), undefined)
  const notUstar = "a header is not ustar (pack with --format=ustar or pax)"

  it("nothing about a good one", () => {
    expect(words(good)).toEqual({ type: "file", path: `${EPISODE}/a`, size: 0 })
    expect(words(withFlag(good, "\0"))).toEqual({ type: "file", path: `${EPISODE}/a`, size: 0 })
    expect(words(directory("d"))).toEqual({ type: "directory", path: "d", size: 0 })
  })
  it("a wrong checksum", () => {
    const copy = Uint8Array.from(good)
    copy[0] = 0x41
    expect(words(copy)).toBe("a header's checksum is wrong")
  })
  it.each<readonly [string, number, string, string]>([
    ["the magic of GNU tar", 257, "ustar  \0", notUstar],
    ["no magic", 257, "\0\0\0\0\0\0\0\0", notUstar],
    ["another version", 263, "01", notUstar],
    ["star's trailer", 508, "tar\0", notUstar],
    ["a base-256 size", 124, "\x80", "a header's size is not an octal number"],
    ["a base-256 mtime", 136, "\xff", "a header's mtime is not an octal number"],
    ["a base-256 owner", 108, "\x80", "a header's uid is not an octal number"],
    ["a size with an 8 in it", 124, "00000000080\0", "a header's size is not an octal number"],
    ["a size without its end", 124, "000000000000", "a header's size is not an octal number"],
    ["a size with something behind", 124, "0000000\x001234", "a header's size is not an octal number"],
    ["an empty size", 124, "\0\0\0\0\0\0\0\0\0\0\0\0", "a header's size is not an octal number"],
    ["a negative size", 124, "-0000000001\0", "a header's size is not an octal number"],
    ["a hard link", 156, "1", "a hard link: only files and directories"],
    ["a symbolic link", 156, "2", "a symbolic link: only files and directories"],
    ["a character device", 156, "3", "a character device: only files and directories"],
    ["a block device", 156, "4", "a block device: only files and directories"],
    ["a FIFO", 156, "6", "a FIFO: only files and directories"],
    ["a GNU long name", 156, "L", "a GNU long name: only files and directories"],
    ["a GNU long link", 156, "K", "a GNU long link name: only files and directories"],
    ["a sparse file", 156, "S", "a GNU sparse file: only files and directories"],
    ["a global pax header", 156, "g", "a global pax header: only files and directories"],
    ["a type nobody knows", 156, "Z", 'a member of type "Z": only files and directories'],
    ["a name that is not UTF-8", 0, "\xff\xfe", "a path is not UTF-8"]
  ])("%s", (_, offset, text, expected) => {
    expect(words(forged(good, (header) => put(header, offset, Buffer.from(text, "latin1"))))).toBe(expected)
  })
  it("a second pax header for one member", () => {
    expect(parseHeader(withFlag(good, "x"), {})).toBe("two pax headers for one member")
  })
})

describe("parsePax", () => {
  const parse = (text: string | Uint8Array) => parsePax(Buffer.from(text))

  it("reads path, size and mtime", () => {
    const text = record("path", "naïve/=x\\") + record("size", "9999999999") + record("mtime", "-5.25")
    expect(parse(text)).toEqual({ path: "naïve/=x\\", size: 9_999_999_999 })
    expect(parse("")).toEqual({})
  })
  it.each<readonly [string, string | Uint8Array, string]>([
    ["another key", record("uid", "5"), 'pax record "uid": only path, size and mtime'],
    ["a sparse map", record("GNU.sparse.map", "0,1"), 'pax record "GNU.sparse.map": only path, size and mtime'],
    ["an inherited key", record("constructor", "1"), 'pax record "constructor": only path, size and mtime'],
    ["a key twice", record("path", "a") + record("path", "b"), 'pax record "path" stands twice'],
    ["mtime twice", record("mtime", "1") + record("mtime", "1"), 'pax record "mtime" stands twice'],
    ["a size in hexadecimal", record("size", "0x10"), "a pax size is not a number of bytes"],
    ["a negative size", record("size", "-1"), "a pax size is not a number of bytes"],
    ["an empty size", record("size", ""), "a pax size is not a number of bytes"],
    ["a size past 2^53", record("size", "9007199254740992"), "a pax size is not a number of bytes"],
    ["a time in words", record("mtime", "now"), "a pax mtime is not a time"],
    ["a length too long", "13 path=a\n", "a pax record is malformed"],
    ["a length too short", "8 path=a\n", "a pax record is malformed"],
    ["a length with a zero before", "010 path=a\n", "a pax record is malformed"],
    ["no length", " path=a\n", "a pax record is malformed"],
    ["a length in no digits", "1e1 path=a\n", "a pax record is malformed"],
    ["no equals sign", "8 patha\n", "a pax record is malformed"],
    ["no key", "5 =a\n", "a pax record is malformed"],
    ["no newline", "9 path=ab", "a pax record is malformed"],
    ["zeros behind", `${record("path", "a")}\0\0`, "a pax record is malformed"],
    ["no space", "99999", "a pax record is malformed"],
    ["a path that is not UTF-8", Buffer.from("10 path=\xff\n", "latin1"), "a pax record is not UTF-8"]
  ])("refuses %s", (_, text, words) => {
    expect(parse(text)).toBe(words)
  })
  it("answers any bytes, whatever they are", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parsePax(bytes)))
    const near = fc.array(fc.constantFrom("1", "0", " ", "path", "size", "=", "a", "\n"), { maxLength: 12 })
    fc.assert(fc.property(near, (parts) => void parse(parts.join(""))))
  })
})
