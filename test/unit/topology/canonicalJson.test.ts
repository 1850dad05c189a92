/** Held to RFC 8785's own examples, and to an implementation that is not ours. */
import canonicalize from "canonicalize"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalJson } from "../../../src/domain/topology/canonicalJson.ts"

const written = (value: unknown): string => Result.getOrThrow(canonicalJson(value))
const isRefused = (value: unknown): boolean => Result.isFailure(canonicalJson(value))

/** IEEE 754 bits in hexadecimal. */
const double = (bits: string): number => Buffer.from(bits, "hex").readDoubleBE(0)

describe("RFC 8785", () => {
  it("section 3.2.2: literals, numbers, strings", () => {
    const input = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`
    expect(written(JSON.parse(input))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
    )
  })

  it("section 3.2.3: names in the order of their UTF-16 code units", () => {
    const input = String.raw`{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }`
    // Read as text: to JavaScript "1" is an index, and comes first whatever was written.
    const order = [...written(JSON.parse(input)).matchAll(/:"([^"]*)"/g)].map((match) => match[1])
    expect(order).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh"
    ])
  })

  it.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"]
  ])("appendix B: %s is written %s", (bits, text) => {
    expect(written(double(bits))).toBe(text)
  })

  it.each([["7fffffffffffffff"], ["7ff0000000000000"], ["fff0000000000000"]])("appendix B: %s is refused", (bits) => {
    expect(isRefused(double(bits))).toBe(true)
  })
})

describe("what is no I-JSON", () => {
  it.each([
    ["half a pair in a string", { a: ["\ud800"] }],
    ["half a pair in a name", { "\udc00": 1 }],
    ["a pair the wrong way round", "\ude00\ud83d"],
    ["undefined", { a: undefined }],
    ["a big integer", 1n],
    ["a date", { at: new Date(0) }],
    ["a hole", Array.from({ length: 1 })]
  ])("is refused: %s", (_, value) => {
    expect(isRefused(value)).toBe(true)
  })

  it("is refused when it is nested too deep, without an overflow of the stack", () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(isRefused(deep)).toBe(true)
  })
})

describe("an independent implementation", () => {
  const names = fc.oneof(
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.constantFrom("__proto__", "10", "9", "", "é", "😀", "\ufb33")
  )
  const document = fc.jsonValue({ stringUnit: "binary", maxDepth: 4 }).map((value) => JSON.stringify(value))
  const members = fc
    .array(fc.tuple(names, fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), names)), { maxLength: 12 })
    .map((entries) => JSON.stringify(Object.fromEntries(entries)))

  it("writes every document alike", () => {
    fc.assert(
      fc.property(fc.oneof(document, members), (text) => {
        expect(written(JSON.parse(text))).toBe(canonicalize(JSON.parse(text)))
      }),
      { numRuns: 2000 }
    )
  })

  it("writes what was written once as it stands", () => {
    fc.assert(
      fc.property(document, (text) => {
        const once = written(JSON.parse(text))
        expect(written(JSON.parse(once))).toBe(once)
      })
    )
  })
})
