/** What comes back to a tarball that goes in appends, and what is noted of it on the host. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect } from "vitest"
import { EpisodeId, HostId, Sha256 } from "../../../src/domain/names.ts"
import { header } from "../../../src/domain/protocol.ts"
import { offsetMember, uploadHeader, uploadProblemType } from "../../../src/domain/upload/fields.ts"
import { type Answer, type Reading, readAppend, readCreation, readOffset } from "../../../src/domain/upload/reading.ts"
import type { Verdict } from "../../../src/domain/verdict.ts"
import { Destination } from "../../../src/shipper/Destination.ts"
import { Effort } from "../../../src/shipper/Effort.ts"
import { InFlight, readInFlight } from "../../../src/shipper/inFlight.ts"
import { Link } from "../../../src/shipper/Link.ts"
import { Progress } from "../../../src/shipper/Progress.ts"
import type { Parcel } from "../../../src/shipper/parcel.ts"
import { send } from "../../../src/shipper/Receiver.ts"
import { Resumption } from "../../../src/shipper/resume/Resumption.ts"
import { readUploadNote } from "../../../src/shipper/resume/uploadNote.ts"
import { makeTurn, Turn } from "../../../src/shipper/Turn.ts"
import { layerAnswering, type Said, saying } from "../answeringClient.ts"
import { onHost, paths } from "../memoryFiles.ts"
import { jsonNear } from "../mutate.ts"
import { outcome } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { count, episodeId, time } from "./samples.ts"

const ORIGIN = "http://receiver"
const SHA = Sha256.make("a".repeat(64))
const CONTENT = Sha256.make("b".repeat(64))
const ID = EpisodeId.make("e1")
const BYTES = 4
const parcel: Parcel = {
  episodeId: ID,
  tarball: paths.tarball(ID),
  bytes: BYTES,
  sha256: SHA,
  contentSha256: CONTENT,
  commit: undefined
}

const number = fc.oneof(fc.integer({ min: -1, max: 6 }).map(String), fc.string(), fc.constantFrom("?1", "4;a=1", "1.5"))
const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  [uploadHeader.complete]: fc.constantFrom("?0", "?0", "?1", "?2", "true", ""),
  [uploadHeader.offset]: number,
  [uploadHeader.length]: number,
  [uploadHeader.limit]: fc.oneof(
    fc.constantFrom("max-append-size=2", "min-append-size=9", "max-append-size=-1", "max-append-size=0", "min-size=0"),
    fc.string()
  ),
  location: fc.oneof(
    fc.constantFrom("/v1/uploads/u1", "//elsewhere/u1", "http://receiver:81/u1", `${ORIGIN}/u1`, "javascript:1"),
    fc.string()
  ),
  [header.problem]: fc.constantFrom("no-upload", "not-found", "")
}
const headers = fc
  .record(values, { requiredKeys: [] })
  .map((fields) =>
    Object.fromEntries(
      Object.entries(fields).flatMap(([name, value]) =>
        value !== undefined && /^[\x20-\x7e]*$/.test(value) ? [[name, value]] : []
      )
    )
  )

const body = fc.record(
  {
    type: fc.constantFrom<string>(...Object.values(uploadProblemType), "urn:cis490:problem:x"),
    error: fc.constantFrom("no", "digest mismatch: the body"),
    [offsetMember.expected]: fc.oneof(fc.integer({ min: -1, max: 6 }), fc.double(), fc.string()),
    status: fc.constantFrom("stored", "already_present"),
    host_id: fc.constant("lab-1"),
    episode_id: fc.constant("e1"),
    content_sha256: fc.constantFrom<string>(CONTENT, SHA)
  },
  { requiredKeys: [] }
)
const status = fc.oneof(fc.constantFrom(200, 201, 204, 404, 408, 409, 410, 413), fc.integer({ min: 200, max: 599 }))

const answer: fc.Arbitrary<Answer> = fc.record({
  status,
  headers,
  retryAfter: fc.constant(undefined),
  body: fc.oneof(body, fc.anything())
})

const isReading = (reading: Reading): void => {
  if (reading._tag === "Begun") expect(new URL(reading.url).origin).toBe(ORIGIN)
  if (reading._tag === "At") expect(Number.isSafeInteger(reading.offset) && reading.offset >= 0).toBe(true)
}

const readings = row({
  reads: "answers about an upload in parts",
  in: ["domain/upload/reading.ts"],
  sound: fc.constant<Answer>({
    status: 204,
    headers: { [uploadHeader.offset]: "3", [uploadHeader.complete]: "?0" },
    retryAfter: undefined,
    body: undefined
  }),
  near: answer,
  read: (said) => [
    readCreation(said, `${ORIGIN}/v1/episodes/lab-1/e1`),
    readAppend(said, { end: 3, last: false }),
    readAppend(said, { end: BYTES, last: true }),
    readOffset(said, BYTES)
  ],
  typed: (found, said) => {
    for (const reading of found) isReading(reading)
    const [created, , , asked] = found
    // Nothing but a 201 makes an upload, and no offset is beyond the end.
    if (created?._tag === "Begun") expect(said.status).toBe(201)
    if (asked?._tag === "At") expect(asked.offset).toBeLessThanOrEqual(BYTES)
  },
  understood: ([, middle, , asked]) => {
    expect(middle).toMatchObject({ _tag: "At", offset: 3 })
    expect(asked).toMatchObject({ _tag: "At", offset: 3 })
  },
  share: 2
})

/** A tarball is given up, or through, after so many requests, whatever is said. */
const MOST_REQUESTS = 60

const sendTo = async (said: ReadonlyArray<Said>): Promise<{ verdict: Verdict; asked: number }> => {
  let asked = 0
  const world = Layer.mergeAll(
    layerAnswering((nth) => {
      asked = nth + 1
      return said[nth % said.length] as Said
    }),
    Link.layerUnlimited,
    Progress.layer,
    Effort.layer(1),
    Resumption.layer({ aboveBytes: 0, backoffSeconds: [0] }),
    Layer.succeed(Turn, makeTurn(Effect.succeed(false))),
    Layer.succeed(Destination, {
      url: ORIGIN,
      hostId: HostId.make("lab-1"),
      token: Effect.undefined,
      requestTimeoutSeconds: 60
    })
  )
  const found = await outcome(onHost({ [parcel.tarball]: "tar!" }, Effect.provide(send(parcel), world)))
  return { verdict: Result.getOrThrow(found) as Verdict, asked }
}

const plain = (status: number, headers: Said["headers"], body: object = {}): Said => ({
  status,
  headers,
  body: new TextEncoder().encode(JSON.stringify(body)),
  cuts: []
})

const conversations = row({
  reads: "all that is answered to a tarball in parts",
  in: ["http/limited.ts", "shipper/exchange.ts", "shipper/resume/requests.ts"],
  sound: fc.constant<ReadonlyArray<Said>>([
    plain(201, { location: "/v1/uploads/u1", [uploadHeader.limit]: "max-append-size=3" }),
    plain(204, { [uploadHeader.offset]: "3", [uploadHeader.complete]: "?0" }),
    plain(
      201,
      { [uploadHeader.complete]: "?1" },
      { status: "stored", host_id: "lab-1", episode_id: "e1", content_sha256: CONTENT }
    )
  ]),
  near: fc.array(saying(status, jsonNear(body), headers), { minLength: 1, maxLength: 6 }),
  read: sendTo,
  typed: ({ asked, verdict }, said) => {
    expect(asked).toBeLessThan(MOST_REQUESTS)
    if (verdict._tag !== "Shipped") return
    // A receipt is nobody's but the receiver's, and for this content.
    expect(verdict.answer.content_sha256).toBe(CONTENT)
    expect(said.some(({ status }) => status === 200 || status === 201)).toBe(true)
  },
  understood: ({ asked, verdict }) => expect([verdict._tag, asked]).toEqual(["Shipped", 3]),
  share: 0.5
})

const note = fc.record({
  url: fc.oneof(fc.constant(`${ORIGIN}/v1/uploads/u1`), fc.webUrl()),
  host_id: fc.constantFrom("lab-1", "lab-2"),
  sha256: fc.constantFrom(SHA, CONTENT),
  bytes: fc.constantFrom(BYTES, 5)
})
const asJson = (value: unknown): string => JSON.stringify(value)

const uploadNotes = row({
  reads: "notes of where an upload lies",
  in: ["shipper/resume/uploadNote.ts"],
  sound: fc.constant(asJson({ url: `${ORIGIN}/v1/uploads/u1`, host_id: "lab-1", sha256: SHA, bytes: BYTES })),
  near: jsonNear(note),
  read: (text: string) =>
    outcome(
      onHost(
        { [paths.uploadNote(ID)]: text },
        readUploadNote(parcel).pipe(
          Effect.provideService(Destination, {
            url: ORIGIN,
            hostId: HostId.make("lab-1"),
            token: Effect.undefined,
            requestTimeoutSeconds: 60
          })
        )
      )
    ),
  typed: (found) => {
    const url = Result.getOrThrow(found)
    if (url !== undefined) expect(new URL(url).origin).toBe(ORIGIN)
  },
  understood: (found) => expect(Result.getOrThrow(found)).toBe(`${ORIGIN}/v1/uploads/u1`)
})

const transfer = fc.record(
  { episode_id: episodeId, bytes: count, sent_bytes: count, bytes_per_second: count, seconds_left: count },
  { requiredKeys: ["episode_id", "bytes", "sent_bytes", "bytes_per_second"] }
)
const inFlight = fc.record({ at: time, transfers: fc.array(transfer, { maxLength: 3 }) })

const inFlightNotes = row({
  reads: "state/in_flight.json",
  in: ["shipper/inFlight.ts"],
  sound: inFlight.map(asJson),
  near: jsonNear(inFlight),
  read: (text: string) => outcome(onHost({ [`${paths.state}/in_flight.json`]: text }, readInFlight)),
  typed: (found) => expect(Schema.is(InFlight.fields.transfers)(Result.getOrThrow(found))).toBe(true),
  understood: (found, text) => expect(Result.getOrThrow(found)).toEqual(JSON.parse(text).transfers)
})

export const resumption: ReadonlyArray<Decoder> = [readings, conversations, uploadNotes, inFlightNotes]
