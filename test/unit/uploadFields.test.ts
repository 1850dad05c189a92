import { describe, expect, test } from "vitest"
import {
  formatComplete,
  formatUploadLimit,
  isPartialUpload,
  parseComplete,
  parseLength,
  parseOffset,
  parseUploadLimit
} from "../../src/domain/upload/fields.ts"

describe("fields of resumable uploads", () => {
  test.each([
    ["0", 0],
    ["123456789", 123_456_789],
    ["999999999999999", 999_999_999_999_999],
    ["007", 7],
    [" 5 ", 5],
    ["5;a;b=1", 5],
    ["5; a=?1", 5],
    ["1000000000000000", undefined],
    ["-1", undefined],
    ["1.0", undefined],
    ["1e3", undefined],
    ["0x1", undefined],
    ["+1", undefined],
    ["1, 1", undefined],
    ["1 2", undefined],
    ["", undefined],
    ['"1"', undefined],
    ["?1", undefined],
    ["(1)", undefined],
    ["1;A", undefined],
    ["1;", undefined],
    ["１", undefined]
  ])("an integer: %j", (field, value) => {
    expect(parseOffset(field)).toBe(value)
    expect(parseLength(field)).toBe(value)
  })

  test.each([
    ["?1", true],
    ["?0", false],
    ["?1;q", true],
    ["1", undefined],
    ["true", undefined],
    ["?2", undefined],
    ["?1, ?1", undefined],
    ["? 1", undefined],
    ["", undefined]
  ])("a boolean: %j", (field, value) => {
    expect(parseComplete(field)).toBe(value)
  })

  test("what is absent is none", () => {
    expect([parseOffset(undefined), parseComplete(undefined), parseUploadLimit(undefined)]).toEqual([
      undefined,
      undefined,
      undefined
    ])
  })

  test.each([
    ["max-size=1, max-age=2", { maxSize: 1, maxAge: 2 }],
    ["min-size=0", { minSize: 0 }],
    ["max-size=1,max-size=2", { maxSize: 2 }],
    ['max-size=1;x="a,b" ,\tfuture=(1 "a" ?0);y, more, min-append-size=3', { maxSize: 1, minAppendSize: 3 }],
    ["unknown=1.5", {}],
    ["max-size", undefined],
    ['max-size="1"', undefined],
    ["max-size=1.5", undefined],
    ["max-size=-1", undefined],
    ["max-size=1,", undefined],
    ["max-size = 1", undefined],
    ["Max-Size=1", undefined],
    ["", undefined]
  ])("limits: %j", (field, value) => {
    expect(parseUploadLimit(field)).toEqual(value)
  })

  test("what is written is read back, and a server without limits says so", () => {
    const limit = { maxSize: 1, minSize: 2, maxAppendSize: 3, minAppendSize: 4, maxAge: 5 }
    expect(formatUploadLimit(limit)).toBe("max-size=1, min-size=2, max-append-size=3, min-append-size=4, max-age=5")
    expect(parseUploadLimit(formatUploadLimit(limit))).toEqual(limit)
    expect(formatUploadLimit({})).toBe("min-size=0")
    expect([formatComplete(true), formatComplete(false)]).toEqual(["?1", "?0"])
  })

  test("a run of anything takes no time to speak of", () => {
    for (const unit of [" ", "a", "1 ", ";a", "(", "a=(1 ", '"', "\\", "a,", "1;a="]) {
      parseUploadLimit(`max-size=1, x=${unit.repeat(20_000)}`)
      parseOffset(unit.repeat(20_000))
    }
  })

  test("the type of an append", () => {
    for (const type of ["application/partial-upload", "Application/Partial-Upload ; a=b"]) {
      expect(isPartialUpload(type)).toBe(true)
    }
    for (const type of [undefined, "", "application/partial-uploads", "x/y; application/partial-upload"]) {
      expect(isPartialUpload(type)).toBe(false)
    }
  })
})
