/** The table of what answers mean for a resumable upload. */
import { describe, expect, it } from "vitest"
import { type ProblemName, problems, problemType } from "../../src/domain/protocol.ts"
import { uploadProblemType } from "../../src/domain/upload/fields.ts"
import { type Answer, readAppend, readCreation, readOffset, uploadUrl } from "../../src/domain/upload/reading.ts"

const ASKED = "https://receiver.wg/v1/episodes/lab-1/E1"
const UPLOAD = "https://receiver.wg/v1/uploads/u1"

const answer = (status: number, body?: unknown, headers: Answer["headers"] = {}): Answer => ({
  status,
  body,
  headers,
  retryAfter: undefined
})
const own = (status: number, headers?: Answer["headers"]) =>
  answer(status, { type: "urn:cis490:problem:x", error: "no" }, headers)
const foreign = (status: number) => answer(status, undefined, { "content-type": "text/html" })

/** As the receiver says it. */
const refused = (name: ProblemName, headers?: Answer["headers"]) =>
  answer(problems[name].status, { type: problemType(name), error: "no" }, headers)

/** `[status, from the receiver, from anybody else]`. */
type Rows = ReadonlyArray<readonly [number, string, string]>

describe("the answer to the request that makes an upload", () => {
  const rows: Rows = [
    [301, "Final", "Final"],
    [400, "Final", "NoDraft"],
    [401, "Final", "Final"],
    [403, "Final", "NoDraft"],
    [404, "NoDraft", "NoDraft"],
    [405, "NoDraft", "NoDraft"],
    [407, "Final", "Final"],
    [408, "Final", "Final"],
    [409, "Final", "NoDraft"],
    [411, "Final", "NoDraft"],
    [412, "Final", "NoDraft"],
    [413, "Final", "NoDraft"],
    [422, "Final", "NoDraft"],
    [425, "Final", "Final"],
    [429, "Final", "Final"],
    [500, "Final", "Final"],
    [501, "NoDraft", "NoDraft"],
    [503, "Final", "Final"],
    [507, "Final", "Final"]
  ]
  it.each(rows)("%i means %s from the receiver, %s from anybody else", (status, fromIt, fromOthers) => {
    expect(readCreation(own(status), ASKED)._tag).toBe(fromIt)
    expect(readCreation(foreign(status), ASKED)._tag).toBe(fromOthers)
  })

  it("201 with a place is a beginning, with its limits", () => {
    const headers = { location: "/v1/uploads/u1", "upload-limit": "max-append-size=5", "upload-complete": "?0" }
    expect(readCreation(answer(201, undefined, headers), ASKED)).toEqual({
      _tag: "Begun",
      url: UPLOAD,
      limit: { maxAppendSize: 5 }
    })
  })

  it.each([
    ["without a place", 201, {}],
    ["at another origin", 201, { location: "https://elsewhere.wg/v1/uploads/u1" }],
    ["that is no 201", 200, { location: UPLOAD }]
  ])("a 2xx %s is somebody's who does not know the draft", (_, status, headers) => {
    expect(readCreation(answer(status, undefined, headers), ASKED)._tag).toBe("NoDraft")
  })

  it("a receipt, or what is complete at once, is the episode's answer", () => {
    expect(readCreation(answer(200, { content_sha256: "x" }), ASKED)._tag).toBe("Final")
    expect(readCreation(own(412, { "upload-complete": "?1" }), ASKED)._tag).toBe("Final")
  })

  it("a problem of the draft is never the episode's", () => {
    const body = { type: uploadProblemType.inconsistentLength, error: "no" }
    expect(readCreation(answer(400, body), ASKED)._tag).toBe("NoDraft")
  })
})

describe("what the receiver refuses because of the way of sending", () => {
  const middle = { end: 100, last: false }
  const last = { end: 200, last: true }
  it.each([
    ["bad-request", "NoDraft", "NoDraft"],
    ["bad-digest", "NoDraft", "NoDraft"],
    ["length-required", "NoDraft", "NoDraft"],
    ["no-partial-upload", "NoDraft", "NoDraft"],
    ["inconsistent-upload-length", "NoDraft", "Gone"],
    ["completed-upload", "NoDraft", "Gone"],
    ["no-upload", "NoDraft", "Gone"],
    ["mismatching-upload-offset", "NoDraft", "Ask"]
  ] as const)("%s is never the episode's: %s when it is made, %s to an append", (name, created, appended) => {
    for (const headers of [{}, { "upload-complete": "?0" }, { "upload-complete": "?1" }]) {
      expect(readCreation(refused(name, headers), ASKED)._tag).toBe(created)
      expect(readAppend(refused(name, headers), middle)._tag).toBe(appended)
      expect(readAppend(refused(name, headers), last)._tag).toBe(appended)
      expect(readOffset(refused(name, headers), 200)._tag).not.toBe("Final")
    }
  })
})

describe("the answer to an append", () => {
  const middle = { end: 100, last: false }
  const last = { end: 200, last: true }
  const rows: Rows = [
    [302, "Final", "Final"],
    [400, "Gone", "NoDraft"],
    [401, "Final", "Final"],
    [403, "Final", "NoDraft"],
    [404, "Gone", "Final"],
    [405, "NoDraft", "NoDraft"],
    [408, "Ask", "Ask"],
    [409, "Gone", "NoDraft"],
    [410, "Gone", "Final"],
    [412, "Gone", "NoDraft"],
    [413, "Smaller", "Smaller"],
    [415, "Gone", "NoDraft"],
    [422, "Gone", "NoDraft"],
    [425, "Ask", "Ask"],
    [429, "Final", "Final"],
    [500, "Final", "Final"],
    [501, "NoDraft", "NoDraft"],
    [503, "Final", "Final"],
    [507, "Final", "Final"]
  ]
  it.each(rows)("%i means %s from the receiver, %s from anybody else", (status, fromIt, fromOthers) => {
    expect(readAppend(own(status), middle)._tag).toBe(fromIt)
    expect(readAppend(own(status, { "upload-complete": "?0" }), last)._tag).toBe(fromIt)
    expect(readAppend(foreign(status), middle)._tag).toBe(fromOthers)
  })

  it.each([200, 201, 400, 409, 412, 413, 422, 500])("%i that is complete is the episode's answer", (status) => {
    expect(readAppend(own(status, { "upload-complete": "?1" }), middle)._tag).toBe("Final")
  })

  it.each([
    400, 409, 412, 422
  ])("the receiver's %i to the last append is the episode's, if nothing else is said", (status) => {
    expect(readAppend(own(status), last)._tag).toBe("Final")
  })

  it.each([
    ["by its offset", answer(204, undefined, { "upload-offset": "100", "upload-complete": "?0" }), 100],
    ["without an offset: all of it", answer(204, undefined, { "upload-complete": "?0" }), 100],
    ["of less than was sent", answer(204, undefined, { "upload-offset": "60", "upload-complete": "?0" }), 60],
    ["in a 409", answer(409, undefined, { "upload-offset": "70", "upload-complete": "?0" }), 70],
    [
      "in the words of a 409",
      answer(409, { type: uploadProblemType.mismatchingOffset, "expected-offset": 80, "provided-offset": 0 }),
      80
    ]
  ])("the receiver's word on the offset is taken: %s", (_, said, offset) => {
    expect(readAppend(said, middle)).toMatchObject({ _tag: "At", offset })
    expect(readAppend(said, { ...middle, last: true })).toMatchObject({ _tag: "At", offset })
  })

  it("a wrong offset without the right one is asked for", () => {
    for (const expected of [undefined, -1, 1.5, "80", 2 ** 60]) {
      const body = { type: uploadProblemType.mismatchingOffset, "expected-offset": expected }
      expect(readAppend(answer(409, body), middle)._tag).toBe("Ask")
    }
  })

  it("a 2xx that says nothing of the upload is somebody else's", () => {
    expect(readAppend(answer(200, { ok: true }), middle)._tag).toBe("Final")
  })
})

describe("the answer to the question how far an upload is", () => {
  const rows: Rows = [
    [302, "Final", "Final"],
    [400, "Gone", "Final"],
    [401, "Final", "Final"],
    [403, "Final", "Final"],
    [404, "Gone", "Final"],
    [405, "NoDraft", "NoDraft"],
    [408, "Ask", "Ask"],
    [410, "Gone", "Final"],
    [429, "Final", "Final"],
    [500, "Final", "Final"],
    [501, "NoDraft", "NoDraft"],
    [503, "Final", "Final"]
  ]
  it.each(rows)("%i means %s from the receiver, %s from anybody else", (status, fromIt, fromOthers) => {
    expect(readOffset(own(status), 100)._tag).toBe(fromIt)
    expect(readOffset(foreign(status), 100)._tag).toBe(fromOthers)
  })

  const at = (offset: string, headers: Answer["headers"] = {}) =>
    readOffset(answer(204, undefined, { "upload-offset": offset, "upload-complete": "?0", ...headers }), 100)

  it("is an offset up to the whole", () => {
    expect(at("0")).toMatchObject({ _tag: "At", offset: 0 })
    expect(at("100", { "upload-length": "100" })).toMatchObject({ _tag: "At", offset: 100 })
  })

  it("of an upload that cannot be this tarball's, or is through, is none", () => {
    expect(at("101")._tag).toBe("Gone")
    expect(at("50", { "upload-length": "99" })._tag).toBe("Gone")
    expect(at("100", { "upload-complete": "?1" })._tag).toBe("Gone")
  })

  it("without an offset is somebody else's", () => {
    expect(at("fifty")._tag).toBe("Final")
  })
})

describe("where an upload lies", () => {
  it.each([
    ["/v1/uploads/u1", UPLOAD],
    ["u1", "https://receiver.wg/v1/episodes/lab-1/u1"],
    [UPLOAD, UPLOAD],
    ["https://receiver.wg:443/v1/uploads/u1", UPLOAD],
    ["//elsewhere.wg/v1/uploads/u1", undefined],
    ["http://receiver.wg/v1/uploads/u1", undefined],
    ["https://receiver.wg:8443/v1/uploads/u1", undefined],
    ["https://receiver.wg.elsewhere/v1/uploads/u1", undefined],
    ["https://user:secret@receiver.wg/v1/uploads/u1", undefined],
    ["\\\\elsewhere.wg/u1", undefined],
    ["data:text/plain,x", undefined],
    ["https://[", undefined],
    [undefined, undefined]
  ])("%s", (location, url) => {
    expect(uploadUrl(location, ASKED)).toBe(url)
  })
})
