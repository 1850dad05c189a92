import { describe, expect, it } from "vitest"
import { EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { problems, problemType } from "../../src/domain/protocol.ts"
import {
  isSilence,
  judge,
  parseRetryAfter,
  type Reply,
  type Sent,
  SILENCE,
  unanswered
} from "../../src/domain/verdict.ts"

const sha = (digit: string) => Sha256.make(digit.repeat(64))
const sent: Sent = {
  hostId: HostId.make("lab-1"),
  episodeId: EpisodeId.make("01E"),
  sha256: sha("a"),
  contentSha256: sha("c")
}
const stored = {
  status: "stored",
  host_id: "lab-1",
  episode_id: "01E",
  sha256: sha("a"),
  bytes: 7,
  content_sha256: sha("c")
}
const reply = (status: number, body: unknown, retryAfter?: string): Reply => ({ status, body, retryAfter })
const verdict = (status: number, body: unknown, retryAfter?: string) => judge(reply(status, body, retryAfter), sent, 0)
const summary = (status: number, body: unknown) => {
  const found = verdict(status, body)
  return [found._tag, "reach" in found ? found.reach : "reason" in found ? found.reason : undefined]
}
const own = { error: "no" }

describe("judge", () => {
  it.each([
    [201, stored],
    [200, { ...stored, status: "already_present" }],
    [200, { ...stored, sha256: sha("b"), more: 1 }]
  ])("%i with our ids and content is a receipt", (status, body) => {
    expect(verdict(status, body)._tag).toBe("Shipped")
  })

  it.each([
    [200, undefined],
    [200, "stored"],
    [200, {}],
    [201, { ...stored, host_id: "lab-2" }],
    [201, { ...stored, episode_id: "01F" }],
    [201, { ...stored, content_sha256: sha("d") }],
    [201, { ...stored, status: "accepted" }],
    [202, stored],
    [204, undefined],
    [301, own],
    [304, undefined],
    [400, undefined],
    [400, "<html>"],
    [404, { error: 404 }],
    [409, { message: "no" }],
    [412, []],
    [429, undefined],
    [408, null],
    [401, own],
    [403, own],
    [404, own],
    [405, own],
    [407, own]
  ])("%i %j lets nobody in", (status, body) => {
    expect(verdict(status, body)._tag).toBe("NotLetIn")
  })

  it.each([
    [400, "bad_request"],
    [412, "out_of_window"],
    [413, "too_large"],
    [422, "invalid_archive"],
    [402, "refused"],
    [410, "refused"],
    [411, "refused"],
    [451, "refused"]
  ])("%i from the receiver itself is a refusal as %s", (status, reason) => {
    expect(summary(status, own)).toEqual(["Rejected", reason])
  })

  it.each([
    [408, own, "three-running"],
    [425, own, "three-running"],
    [429, own, "pass"],
    [500, own, "three-running"],
    [500, undefined, "three-running"],
    [501, undefined, "three-running"],
    [502, undefined, "pass"],
    [503, own, "pass"],
    [503, { ...own, type: problemType("commit-unknown") }, "episode"],
    [504, undefined, "pass"],
    [507, own, "pass"]
  ])("%i %j is transient and reaches %s", (status, body, reach) => {
    expect(summary(status, body)).toEqual(["Transient", reach])
  })

  it("takes a 409 about other digests than ours for damage on the way", () => {
    const conflict = { error: "other content", stored_sha256: sha("b") }
    expect(verdict(409, { ...conflict, your_sha256: sha("a") })._tag).toBe("Conflict")
    expect(verdict(409, { ...conflict, your_sha256: sha("c") })._tag).toBe("Conflict")
    expect(verdict(409, { ...conflict, your_sha256: sha("d") })._tag).toBe("DamagedOnTheWay")
  })

  it("blames the way, not the episode, for a digest mismatch", () => {
    expect(verdict(422, { error: "digest mismatch: sha-256 differs" })._tag).toBe("DamagedOnTheWay")
    expect(verdict(422, { error: "invalid archive: digest mismatch" })._tag).toBe("Rejected")
  })

  it("has a reading for every problem the receiver can answer", () => {
    const readings = Object.fromEntries(
      Object.entries(problems).map(([name, { status }]) => {
        const error = name === "digest-mismatch" ? "digest mismatch: body" : "words"
        return [name, verdict(status, { type: `urn:cis490:problem:${name}`, error })._tag]
      })
    )
    expect(readings).toEqual({
      "bad-name": "Rejected",
      "bad-request": "Rejected",
      "invalid-topology": "Rejected",
      "missing-commit": "Rejected",
      "bad-commit": "Rejected",
      "bad-digest": "Rejected",
      unauthenticated: "NotLetIn",
      "certificate-refused": "NotLetIn",
      "wrong-host": "NotLetIn",
      "not-admin": "NotLetIn",
      "not-found": "NotLetIn",
      "unknown-host": "NotLetIn",
      "not-stored": "NotLetIn",
      "method-not-allowed": "NotLetIn",
      // Of an upload and not of its episode: `src/domain/upload/reading.ts` takes them before they come here.
      "completed-upload": "Rejected",
      "inconsistent-upload-length": "Rejected",
      "mismatching-upload-offset": "Conflict",
      "no-partial-upload": "Rejected",
      "no-upload": "NotLetIn",
      "too-many-open-uploads": "Transient",
      "body-stalled": "Transient",
      "other-content": "Conflict",
      "stored-copy-lost": "Conflict",
      "length-required": "Rejected",
      "out-of-window": "Rejected",
      "too-large": "Rejected",
      "digest-mismatch": "DamagedOnTheWay",
      "invalid-archive": "Rejected",
      "too-many-uploads": "Transient",
      internal: "Transient",
      unavailable: "Transient",
      "commit-unknown": "Transient",
      "disk-full": "Transient"
    })
  })
})

describe("parseRetryAfter", () => {
  it.each([
    ["7", 7],
    ["0", 0],
    ["86400", 3600],
    ["Thu, 01 Jan 1970 00:00:30 GMT", 30],
    ["Thu, 01 Jan 1969 00:00:30 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
    ["", undefined],
    [undefined, undefined]
  ])("reads %j as %j", (field, seconds) => {
    expect(parseRetryAfter(field, 0)).toBe(seconds)
  })
})

describe("unanswered", () => {
  it.each([
    ["ECONNREFUSED", "pass"],
    ["ENOTFOUND", "pass"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "pass"],
    ["ETIMEDOUT", "pass"],
    [undefined, "pass"],
    ["ECONNRESET", "three-running"],
    ["UND_ERR_SOCKET", "three-running"],
    ["HPE_INVALID_CONSTANT", "three-running"]
  ])("%s reaches %s", (code, reach) => {
    expect(unanswered(code, "words")).toMatchObject({ _tag: "Transient", status: 0, reach })
    expect(isSilence(unanswered(code, "words"))).toBe(false)
  })

  it("is a silence where the connection stood and nothing moved", () => {
    expect(isSilence(unanswered(SILENCE, "words"))).toBe(true)
    expect(isSilence(judge({ status: 504, retryAfter: undefined, body: {} }, sent, 0))).toBe(false)
  })
})
