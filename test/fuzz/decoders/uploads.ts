/** What is said about uploads that may be resumed: fields of requests and answers, and what lies beside their bytes. */
import * as fc from "fast-check"
import { expect } from "vitest"
import {
  formatOffset,
  formatUploadLimit,
  parseComplete,
  parseOffset,
  parseUploadLimit,
  type UploadLimit
} from "../../../src/domain/upload/fields.ts"
import { parseDictionary, parseItem } from "../../../src/domain/upload/structuredField.ts"
import { parseEntry } from "../../../src/receiver/uploads/paths.ts"
import { formatState, parseState, type UploadState } from "../../../src/receiver/uploads/state.ts"
import { textNear } from "../mutate.ts"
import { type Decoder, row } from "./row.ts"
import { commit, episodeId, hostId, sha256 } from "./samples.ts"

/** The largest integer a structured field can say (RFC 9651, section 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999
const integer = fc.integer({ min: -MAX_INTEGER, max: MAX_INTEGER })
const parameters = fc.constantFrom("", ";a", "; a=1;b=?0", ';q="x\\"y"', ";*=:YQ==:", ";d=@-1", ';e=%"%c3%bc"')
const bare = fc.oneof(
  integer.map(String),
  fc.constantFrom("?0", "?1", "1.5", "-0.125", '"a, b;c"', "tok/en:*", ":YWI=:", "@1659578233", '%"a%20"')
)
const item = fc.tuple(bare, parameters).map((parts) => parts.join(""))

const isBare = (value: unknown): boolean =>
  value === undefined ||
  typeof value === "boolean" ||
  (Number.isInteger(value) && Math.abs(Number(value)) <= MAX_INTEGER)

const items = row({
  reads: "items of structured fields",
  in: ["domain/upload/structuredField.ts"],
  sound: fc
    .tuple(fc.oneof(integer.map(String), fc.constantFrom("?0", "?1")), parameters)
    .map((parts) => parts.join("")),
  near: textNear(item),
  read: (text) => ({ value: parseItem(text), offset: parseOffset(text), complete: parseComplete(text) }),
  typed: ({ complete, offset, value }) => {
    expect(isBare(value)).toBe(true)
    expect(complete).toBe(typeof value === "boolean" ? value : undefined)
    expect(offset).toBe(typeof value === "number" && value >= 0 ? value : undefined)
    if (offset !== undefined) expect(parseOffset(formatOffset(offset))).toBe(offset + 0)
  },
  understood: ({ value }) => expect(value).not.toBeUndefined(),
  found: ["-0", "1.", "1, 2", "", " ", "?1;", "00000000000000001"]
})

const key = fc.constantFrom("max-size", "min-size", "max-append-size", "min-append-size", "max-age", "x", "*a.b_-")
const inner = fc.tuple(fc.array(item, { maxLength: 3 }), parameters).map(([all, more]) => `(${all.join(" ")})${more}`)
const member = fc
  .tuple(key, fc.oneof(item, inner, fc.constant(undefined)))
  .map(([name, value]) => (value === undefined ? name : `${name}=${value}`))
const dictionary = fc
  .tuple(fc.array(member, { maxLength: 5 }), fc.constantFrom(",", ", ", " ,\t"))
  .map(([members, separator]) => members.join(separator))

const dictionaries = row({
  reads: "dictionaries of structured fields",
  in: ["domain/upload/structuredField.ts"],
  sound: dictionary,
  near: textNear(dictionary),
  read: (text) => ({ members: parseDictionary(text), limit: parseUploadLimit(text) }),
  typed: ({ limit, members }) => {
    for (const [name, value] of members ?? []) {
      expect(name).toMatch(/^[a-z*][a-z0-9_.*-]*$/)
      expect(isBare(value)).toBe(true)
    }
    if (limit === undefined) return
    for (const value of Object.values(limit)) expect(Number.isInteger(value) && value >= 0).toBe(true)
    if (Object.keys(limit).length > 0) expect(parseUploadLimit(formatUploadLimit(limit))).toEqual(limit)
  },
  understood: ({ members }) => expect(members).not.toBeUndefined()
})

const natural = fc.nat({ max: MAX_INTEGER })
const limit: fc.Arbitrary<UploadLimit> = fc.record(
  { maxSize: natural, minSize: natural, maxAppendSize: natural, minAppendSize: natural, maxAge: natural },
  { requiredKeys: ["maxSize"] }
)
const limits = row({
  reads: "Upload-Limit headers",
  in: ["domain/upload/fields.ts"],
  sound: limit.map(formatUploadLimit),
  near: textNear(limit.map(formatUploadLimit)),
  read: parseUploadLimit,
  typed: (found) => {
    if (found !== undefined) for (const value of Object.values(found)) expect(value).toBeGreaterThanOrEqual(0)
  },
  understood: (found, text) => expect(formatUploadLimit(found ?? {})).toBe(text)
})

const state: fc.Arbitrary<UploadState> = fc
  .record({
    hostId,
    episodeId,
    sha256,
    contentSha256: fc.option(sha256, { nil: undefined }),
    commit: fc.option(commit, { nil: undefined }),
    bytes: fc.nat(),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    progressAt: fc.nat({ max: 4e12 })
  })
  .map(({ progressAt, share, ...announced }) => ({
    announced,
    offset: Math.floor(announced.bytes * share),
    progressAt
  }))

const states = row({
  reads: "how far uploads are",
  in: ["receiver/uploads/state.ts"],
  sound: state.map(formatState),
  near: textNear(state.map(formatState)),
  read: parseState,
  typed: (found) => {
    if (found === undefined) return
    expect(found.offset).toBeLessThanOrEqual(found.announced.bytes)
    expect(found.offset).toBeGreaterThanOrEqual(0)
    expect(Number.isFinite(found.progressAt)).toBe(true)
    expect(parseState(formatState(found))).toEqual(found)
  },
  understood: (found, text) => expect(found && formatState(found)).toBe(text)
})

const token = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 })
const entry = fc.tuple(token, fc.constantFrom("part", "json", "json.tmp")).map((parts) => parts.join("."))
const entries = row({
  reads: "names in incoming/uploads/",
  in: ["receiver/uploads/paths.ts"],
  sound: entry,
  near: textNear(entry),
  read: parseEntry,
  typed: (found, text) => {
    if (found !== undefined) expect(text.startsWith(`${found.token}.`)).toBe(true)
  },
  understood: (found, text) => expect(found?.token).toBe(text.slice(0, 32))
})

export const uploads: ReadonlyArray<Decoder> = [items, dictionaries, limits, states, entries]
