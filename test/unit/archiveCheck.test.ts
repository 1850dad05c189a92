import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { EpisodeId } from "../../src/domain/names.ts"
import { BLOCK, encodeHeader, MAX_MARKER_BYTES, MAX_META_BYTES } from "../../src/domain/tar.ts"
import { type ArchiveReport, makeArchiveCheck, type Refusal } from "../../src/receiver/archiveCheck.ts"
import { sha256 } from "../support/codecSync.ts"
import {
  COMMIT,
  directory,
  EPISODE,
  episode,
  file,
  forged,
  inPieces,
  META,
  marker,
  meta,
  PIECES,
  pax,
  put,
  record,
  tarOf,
  withFlag
} from "../support/tarball.ts"

const limits = { episodeId: EpisodeId.make(EPISODE), maxMembers: 50, maxUnpackedBytes: 2 ** 26 }

const checkIn = (size: number, tar: Uint8Array, over: Partial<typeof limits> = {}): ArchiveReport | Refusal => {
  const check = makeArchiveCheck({ ...limits, ...over }, sha256)
  inPieces(tar, size, check.push)
  return check.end()
}
/** The same in pieces of any size. */
const check = (tar: Uint8Array, over: Partial<typeof limits> = {}): ArchiveReport | Refusal => {
  const [first, ...others] = PIECES.map((size) => checkIn(size, tar, over))
  for (const other of others) expect(other).toEqual(first)
  if (first === undefined) throw new Error("no sizes")
  return first
}
const errorOf = (tar: Uint8Array, over: Partial<typeof limits> = {}): string => {
  const found = check(tar, over)
  return "problem" in found ? `${found.problem}: ${found.error}` : "accepted"
}
const hashOf = (text: string | Uint8Array): string => {
  const hasher = sha256()
  hasher.update(text)
  return hasher.digest()
}

const at = (path: string): string => `${EPISODE}/${path}`
const metaLine = `${hashOf(META)}  meta.json\n`
const nothingLine = (path: string): string => `${hashOf("")}  ${path}\n`

describe("a sound archive", () => {
  it("is reported with its content hash, its commit and its size", () => {
    const tar = episode(directory(at("sub")), file(at("sub/b"), "hello"))
    expect(check(tar)).toEqual({
      contentSha256: hashOf(`${nothingLine("done.marker")}${metaLine}${hashOf("hello")}  sub/b\n`),
      metaCommit: COMMIT,
      members: 5,
      unpackedBytes: tar.length
    })
  })

  it("has the same content hash in any order, with or without its directories", () => {
    const files = [
      file(at("a/x"), "1"),
      file(at("a-b"), "2"),
      file(at("é"), "3"),
      file(at("a.b\\c"), "4"),
      meta,
      marker
    ]
    const first = check(tarOf(...files))
    const second = check(tarOf(...files.toReversed(), directory(at("a")), directory(EPISODE)))
    expect(first).toMatchObject({ contentSha256: (second as ArchiveReport).contentSha256, members: 6 })
    expect(second).toMatchObject({ members: 8 })
  })

  it("has its manifest in the order of the bytes, not of UTF-16", () => {
    const lines = ["done.marker", "meta.json", "\uff5e", "🎛"].map((path) =>
      path === "meta.json" ? metaLine : nothingLine(path)
    )
    expect(check(episode(file(at("🎛")), file(at("\uff5e"))))).toMatchObject({ contentSha256: hashOf(lines.join("")) })
  })

  it("says nothing of a commit that meta.json does not have", () => {
    const said = (text: string | Uint8Array) => {
      const found = check(tarOf(directory(EPISODE), marker, file(at("meta.json"), text)))
      return "problem" in found ? found.error : found.metaCommit
    }
    expect(said(`{"code_version":{"commit":"${COMMIT}","dirty":true},"more":[]}`)).toBe(COMMIT)
    const broken = [
      `\ufeff${META}`,
      "",
      "{",
      "null",
      "[]",
      '"x"',
      "{}",
      '{"code_version":null}',
      '{"code_version":{"commit":"abc"}}',
      `{"code_version":{"commit":["${COMMIT}"]}}`,
      `{"code_version":{"commit":"${COMMIT.toUpperCase()}"}}`,
      `[${META}]`,
      "[".repeat(MAX_META_BYTES)
    ]
    for (const text of broken) expect(said(text)).toBeUndefined()
    expect(said(Buffer.from(META.replace("{", '{"\xff":1,'), "latin1"))).toBeUndefined()
  })

  it("may have zeros behind its end marker, in any number", () => {
    const tar = episode()
    for (const zeros of [1, 511, 512, 9000]) {
      expect(check(Buffer.concat([tar, new Uint8Array(zeros)]))).toMatchObject({ members: 3 })
    }
  })

  it("may have a done.marker that is a manifest", () => {
    const sound = `${metaLine}${hashOf("x")}  sub/a\n`
    const members = (text: string) => tarOf(file(at("done.marker"), text), meta, file(at("sub/a"), "x"))
    expect(check(members(sound))).toMatchObject({ members: 3 })
    const words = "invalid-archive: invalid archive:"
    expect(errorOf(members(metaLine))).toBe(`${words} sub/a is not named in done.marker`)
    expect(errorOf(members(sound + nothingLine("b")))).toBe(`${words} "b" is named in done.marker and missing`)
    expect(errorOf(members(`${metaLine}${hashOf("y")}  sub/a\n`))).toBe(`${words} sub/a is not what done.marker says`)
    expect(errorOf(members("finished\n"))).toBe(`${words} done.marker is neither empty nor a sha256sum manifest`)
    const latin1 = tarOf(file(at("done.marker"), Uint8Array.of(0xff, 0x0a)), meta)
    expect(errorOf(latin1)).toBe(`${words} done.marker is not UTF-8`)
  })

  it("may have names that are odd but allowed", () => {
    const paths = [
      "...",
      "..a",
      " ",
      "-rf",
      "a\\nb",
      "naïve 録音 🎛",
      "constructor",
      "__proto__",
      "n".repeat(300),
      "d/meta.json"
    ]
    expect(check(episode(...paths.map((path) => file(at(path), path))))).toMatchObject({ members: 3 + paths.length })
  })

  it("may give its paths in pax records, as GNU tar does with owners in the headers", () => {
    const owned = forged(file("x", "1"), (header) => {
      put(header, 108, "0001750\0")
      put(header, 265, "somebody")
    })
    const tar = episode(pax(record("mtime", "1700000000.123456789") + record("path", at("given"))), owned)
    expect(check(tar)).toEqual({
      ...(check(episode(file(at("given"), "1"))) as ArchiveReport),
      unpackedBytes: tar.length
    })
  })
})

describe("an archive is refused for", () => {
  const twice = (path: string): string => `"${EPISODE}/${path}" stands twice`
  const outside = (path: string): string => `${JSON.stringify(path)} is not below the top directory "${EPISODE}/"`
  const component = (path: string, kind: string): string => `${JSON.stringify(path)} has ${kind} component`
  const onlyMembers = "only files and directories"

  it.each<readonly [string, Uint8Array, string]>([
    ["climbing out", episode(file(at("../../etc/cron.d/x"))), component(at("../../etc/cron.d/x"), 'a ".."')],
    ["an absolute name", episode(file("/etc/passwd")), '"/etc/passwd" is absolute'],
    [
      "an absolute name in pax",
      episode(pax(record("path", "/etc/passwd")), file(at("x"))),
      '"/etc/passwd" is absolute'
    ],
    ["a leading ./", tarOf(directory(`./${EPISODE}`), marker, meta), component(`./${EPISODE}/`.slice(0, -1), 'a "."')],
    ["a . component", episode(file(at("./x"))), component(at("./x"), 'a "."')],
    ["an empty component", episode(file(at("a//b"))), component(at("a//b"), "an empty")],
    ["a directory that ends in two slashes", episode(directory(at("a/"))), component(at("a/"), "an empty")],
    ["a file that ends in a slash", episode(file(at("a/"))), component(at("a/"), "an empty")],
    ["an empty path", episode(forged(file("x"), (h) => put(h, 0, "\0"))), "an empty path"],
    ["a newline in a name", episode(file(at("a\nb"))), `"${EPISODE}/a\\nb" has a control character`],
    [
      "a NUL in a pax path",
      episode(pax(record("path", at("a\0b"))), file(at("x"))),
      `"${EPISODE}/a\\u0000b" has a control character`
    ],
    [
      "a name over 1,024 bytes",
      episode(file(at("n".repeat(1012)))),
      `"${EPISODE}/${"n".repeat(147)}…" is longer than 1024 bytes`
    ],
    [
      "a byte order mark before the id",
      episode(forged(file("___x"), (h) => put(h, 0, `\ufeff${at("x")}`))),
      outside(`\ufeff${at("x")}`)
    ],
    [
      "a name that is not UTF-8",
      episode(forged(file(at("x")), (h) => put(h, 13, Uint8Array.of(0xff)))),
      "a path is not UTF-8"
    ],
    [
      "another top directory",
      tarOf(directory("other"), file("other/meta.json", META), file("other/done.marker")),
      outside("other")
    ],
    ["a top directory that only begins like the id", episode(file(`${EPISODE}2/x`)), outside(`${EPISODE}2/x`)],
    ["two top directories", episode(file("second/x")), outside("second/x")],
    ["files at the top", tarOf(file("meta.json", META), file("done.marker")), outside("meta.json")],
    ["a top that is a file", tarOf(file(EPISODE)), "the top directory is a file"],
    ["a hard link", episode(withFlag(file(at("l")), "1")), `a hard link: ${onlyMembers}`],
    ["a symbolic link", episode(withFlag(file(at("l")), "2")), `a symbolic link: ${onlyMembers}`],
    ["a character device", episode(withFlag(file(at("l")), "3")), `a character device: ${onlyMembers}`],
    ["a block device", episode(withFlag(file(at("l")), "4")), `a block device: ${onlyMembers}`],
    ["a FIFO", episode(withFlag(file(at("l")), "6")), `a FIFO: ${onlyMembers}`],
    [
      "a GNU long name",
      episode(withFlag(file("././@LongLink", "long"), "L"), file(at("x"))),
      `a GNU long name: ${onlyMembers}`
    ],
    ["a sparse file", episode(withFlag(file(at("s")), "S")), `a GNU sparse file: ${onlyMembers}`],
    [
      "a sparse file in pax",
      episode(pax(record("GNU.sparse.major", "1")), file(at("s"))),
      'pax record "GNU.sparse.major": only path, size and mtime'
    ],
    [
      "a global pax header",
      episode(pax(record("comment", "x"), "g"), file(at("x"))),
      `a global pax header: ${onlyMembers}`
    ],
    [
      "GNU's own format",
      episode(forged(file(at("x")), (h) => put(h, 257, "ustar  \0"))),
      "a header is not ustar (pack with --format=ustar or pax)"
    ],
    [
      "a base-256 size",
      episode(forged(file(at("x")), (h) => put(h, 124, Uint8Array.of(0x80, 0, 0)))),
      "a header's size is not an octal number"
    ],
    ["a file twice", episode(file(at("x")), file(at("x"))), twice("x")],
    ["a directory twice", episode(directory(at("x")), directory(at("x"))), twice("x")],
    ["meta.json twice", episode(meta), twice("meta.json")],
    ["the top directory twice", episode(directory(EPISODE)), `"${EPISODE}" stands twice`],
    ["a name that is a file and a directory", episode(file(at("x")), directory(at("x"))), twice("x")],
    [
      "a file that is a parent",
      episode(file(at("x")), file(at("x-y")), file(at("x/y"))),
      "x is both a file and a directory"
    ],
    [
      "a parent that is a file",
      episode(file(at("a/b/c/d")), file(at("a!")), file(at("a/b"))),
      "a/b is both a file and a directory"
    ],
    ["a directory below a file", episode(file(at("x")), directory(at("x/y"))), "x is both a file and a directory"],
    [
      "a directory with a size",
      episode(forged(directory(at("d")), (h) => put(h, 124, "00000001000\0"))),
      `the directory "${EPISODE}/d" has a size`
    ],
    [
      "quarantine_reason.json",
      episode(file(at("quarantine_reason.json"), "{}")),
      "quarantine_reason.json is the host's own and never packed"
    ],
    ["no meta.json", tarOf(directory(EPISODE), marker), "meta.json is missing"],
    ["a meta.json that is a directory", tarOf(marker, directory(at("meta.json"))), "meta.json is missing"],
    ["a meta.json further down", tarOf(marker, file(at("sub/meta.json"), META)), "meta.json is missing"],
    ["no done.marker", tarOf(directory(EPISODE), meta), "done.marker is missing"],
    ["a done.marker that is a directory", tarOf(meta, directory(at("done.marker"))), "done.marker is missing"],
    [
      "a large meta.json",
      tarOf(marker, file(at("meta.json"), new Uint8Array(MAX_META_BYTES + 1))),
      "meta.json is larger than 1048576 bytes"
    ],
    [
      "a large done.marker",
      encodeHeader({ path: at("done.marker"), type: "file", size: MAX_MARKER_BYTES + 1, mode: 0o644, mtime: 0 }),
      "done.marker is larger than 16777216 bytes"
    ],
    ["nothing in it", new Uint8Array(0), "the tar has no end marker"],
    ["only its end marker", tarOf(), "meta.json is missing"],
    ["no end marker", episode().subarray(0, -2 * BLOCK), "the tar has no end marker"],
    ["half an end marker", episode().subarray(0, -BLOCK), "the tar has no end marker"],
    ["an end marker cut short", episode().subarray(0, -1), "the tar is cut short"],
    ["a zero block between members", tarOf(marker, new Uint8Array(BLOCK), meta), "a zero block between members"],
    ["a member behind the end marker", Buffer.concat([episode(), file(at("x"))]), "bytes behind the tar's end marker"],
    [
      "a byte behind the end marker",
      Buffer.concat([episode(), new Uint8Array(700), Uint8Array.of(1)]),
      "bytes behind the tar's end marker"
    ],
    ["a pax header before nothing", episode(pax(record("mtime", "1"))), "a pax header stands before no member"],
    [
      "a pax header as the last thing",
      Buffer.concat([marker, meta, pax(record("mtime", "1"))]),
      "the tar is cut short"
    ],
    [
      "two pax headers for one member",
      episode(pax(record("mtime", "1")), pax(record("mtime", "1")), file(at("x"))),
      "two pax headers for one member"
    ],
    [
      "a pax header without end",
      episode(pax(record("path", "x".repeat(5000))), file(at("x"))),
      "a pax header of more than 4096 bytes"
    ],
    [
      "a size that is smaller than the content",
      episode(file(at("x"), "y".repeat(600), { size: 100 })),
      "a header's checksum is wrong"
    ],
    ["a size that is larger than the content", episode(file(at("x"), "y", { size: 9000 })), "the tar is cut short"],
    [
      "a pax size that is larger than the content",
      episode(pax(record("size", "9000")), file(at("x"), "y")),
      "the tar is cut short"
    ],
    [
      "a broken checksum",
      Uint8Array.from(episode(), (byte, i) => (i === 0 ? 0x41 : byte)),
      "a header's checksum is wrong"
    ]
  ])("%s", (_, tar, words) => {
    expect(errorOf(tar)).toBe(`invalid-archive: invalid archive: ${words}`)
  })

  it("being cut short in the padding of a member", () => {
    expect(errorOf(file(at("x"), "y").subarray(0, -1))).toBe("invalid-archive: invalid archive: the tar is cut short")
  })

  it("good, whatever comes after", () => {
    const check = makeArchiveCheck(limits, sha256)
    expect(check.push(file("elsewhere"))).toBe(false)
    expect(check.push(file("further"))).toBe(false)
    expect(check.push(episode())).toBe(false)
    expect(check.end()).toMatchObject({ error: `invalid archive: ${outside("elsewhere")}` })
  })

  it("being cut short anywhere", () => {
    const tar = episode(file(at("x"), "y".repeat(700)), pax(record("path", at("z"))), file("z", "1"))
    for (let cut = 0; cut < tar.length; cut++) {
      const found = checkIn(65536, tar.subarray(0, cut))
      expect("error" in found ? found.error : "accepted").toMatch(
        /^invalid archive: the tar (is cut short|has no end marker)$/
      )
    }
  })
})

describe("limits", () => {
  it("members are counted, directories too, and no more is read", () => {
    const many = Array.from({ length: 47 }, (_, i) => file(at(`x${i}`)))
    expect(check(episode(...many))).toMatchObject({ members: 50 })
    expect(errorOf(episode(...many, directory(at("d"))))).toBe("invalid-archive: invalid archive: more than 50 members")
  })

  it("a million empty members cost what the limit allows", () => {
    const check = makeArchiveCheck({ ...limits, maxMembers: 1000 }, sha256)
    let pushed = 0
    for (; pushed < 1_000_000 && check.push(file(at(`f${pushed}`))); pushed++);
    expect(pushed).toBe(1000)
    expect(check.refusal()).toMatchObject({ error: "invalid archive: more than 1000 members" })
  })

  it("deep paths cost no more than shallow ones", () => {
    const deep = Array.from({ length: 20_000 }, (_, i) => file(at(`${"d/".repeat(480)}${i}`)))
    expect(checkIn(65536, tarOf(marker, meta, ...deep), { maxMembers: 30_000 })).toMatchObject({ members: 20_002 })
  })

  it("bytes are limited by what a header claims, before they come", () => {
    const huge = encodeHeader({ path: at("huge"), type: "file", size: 2 ** 40, mode: 0o644, mtime: 0 })
    const found = check(Buffer.concat([meta, marker, huge]))
    const error = "the archive unpacks to more than 67108864 bytes"
    expect(found).toEqual({ problem: "too-large", error, limitBytes: 2 ** 26 })
  })

  it("zeros behind the end marker count as well", () => {
    const check = makeArchiveCheck({ ...limits, maxUnpackedBytes: 100_000 }, sha256)
    expect(check.push(episode())).toBe(true)
    const zeros = new Uint8Array(10_000)
    let pushed = 0
    for (; pushed < 1000 && check.push(zeros); pushed++);
    expect(pushed).toBe(9)
    expect(check.refusal()).toMatchObject({ problem: "too-large", limitBytes: 100_000 })
    expect(check.end()).toBe(check.refusal())
  })

  it("a tar of exactly the limit is accepted", () => {
    const tar = episode(file(at("x"), "y".repeat(5000)))
    expect(check(tar, { maxUnpackedBytes: tar.length })).toMatchObject({ unpackedBytes: tar.length })
    expect(errorOf(tar, { maxUnpackedBytes: tar.length - 1 })).toMatch(/^too-large: /)
  })
})

describe("whatever is done to a good archive", () => {
  const good = episode(directory(at("d")), file(at("d/x"), "content"), pax(record("path", at("y"))), file("y", "1"))
  const sound = checkIn(65536, good) as ArchiveReport
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255))

  it("it is refused in words, or has a content hash; in any pieces the same", () => {
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        fc.boolean(),
        (changes, cut, whole) => {
          const copy = Uint8Array.from(good)
          for (const [at, byte] of changes) copy[at] = byte
          const found = check(whole ? copy : copy.subarray(0, cut))
          if ("problem" in found)
            expect(found.error).toMatch(/^invalid archive: [^\n]+$|^the archive unpacks to more than/)
          else expect(found.contentSha256).toMatch(/^[0-9a-f]{64}$/)
        }
      ),
      { numRuns: 300 }
    )
  })

  it("a changed header is always noticed", () => {
    fc.assert(
      fc.property(fc.nat(BLOCK - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const copy = Uint8Array.from(good)
        copy[at] = ((copy[at] ?? 0) + by) % 256
        const found = checkIn(65536, copy)
        if (!("problem" in found)) expect(found).toEqual(sound)
      }),
      { numRuns: 500 }
    )
  })

  it("blocks dropped, doubled and swapped never make other content of the same files", () => {
    const blocks = Array.from({ length: good.length / BLOCK }, (_, i) => good.subarray(i * BLOCK, (i + 1) * BLOCK))
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...blocks), { maxLength: 16 }), (chosen) => {
        const found = check(Buffer.concat(chosen))
        expect("problem" in found || found.members >= 2).toBe(true)
      })
    )
  })
})

// Python's tarfile takes such a header for the end of the archive, and says nothing: what comes behind is lost.
it.each([
  ["major", 329],
  ["minor", 337]
])("a file whose device %s is no number hides what comes behind it from other readers, and is refused", (_, offset) => {
  const odd = forged(file(at("odd"), "x"), (header) => put(header, offset, "9999999\0"))
  expect(errorOf(episode(odd, file(at("behind"), "x")))).toMatch(/^invalid-archive: /)
})
