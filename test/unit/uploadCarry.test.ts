/** An upload that is being carried, on a clock of its own. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { Destination } from "../../src/shipper/Destination.ts"
import { Link } from "../../src/shipper/Link.ts"
import { Progress } from "../../src/shipper/Progress.ts"
import { carry } from "../../src/shipper/resume/carry.ts"
import { Resumption } from "../../src/shipper/resume/Resumption.ts"
import { makeTurn, Turn } from "../../src/shipper/Turn.ts"
import { layerAnswering, type Said } from "../fuzz/answeringClient.ts"
import { type Files, onHost, paths } from "../fuzz/memoryFiles.ts"

const parcel = {
  episodeId: EpisodeId.make("e1"),
  tarball: "/data/outbox/e1.tar.zst",
  bytes: 4,
  sha256: Sha256.make("a".repeat(64)),
  contentSha256: Sha256.make("b".repeat(64)),
  commit: undefined
}
/** All came before: only the end has to be said. */
const upload = { url: "http://receiver/v1/uploads/u1", offset: parcel.bytes, limit: undefined }

const said = (status: number, headers: Readonly<Record<string, string>> = {}): Said => ({
  status,
  headers,
  body: new Uint8Array(0),
  cuts: []
})

const CUT: Said = { ...said(204), breaks: { after: 0, with: Object.assign(new Error("cut"), { code: "ECONNRESET" }) } }

const worldOf = (answer: (nth: number) => Said, isWanted: Effect.Effect<boolean> = Effect.succeed(false)) =>
  Layer.mergeAll(
    layerAnswering(answer),
    Layer.succeed(Turn, makeTurn(isWanted)),
    Link.layerUnlimited,
    Progress.layer,
    Resumption.layer({ aboveBytes: 0, backoffSeconds: [0] }),
    Layer.succeed(Destination, {
      url: "http://receiver",
      hostId: HostId.make("lab-1"),
      token: Effect.undefined,
      requestTimeoutSeconds: 60
    })
  )

it.effect("waits as long as the receiver asked this host to, and goes on", () => {
  let asked = 0
  const world = worldOf(() => {
    asked++
    return said(507)
  })
  const test = Effect.gen(function* () {
    const link = yield* Link
    const progress = yield* Progress
    yield* link.restrain(10)
    const carrying = yield* Effect.forkChild(carry(parcel, upload, () => undefined))
    yield* TestClock.adjust("5 seconds")
    // Asked anew meanwhile, by the answer to another.
    yield* link.restrain(10)
    yield* TestClock.adjust("9 seconds")
    expect(asked).toBe(0)
    expect(progress.steps).toBeGreaterThan(10)
    yield* TestClock.adjust("1 second")
    expect(yield* Fiber.join(carrying)).toMatchObject({ _tag: "Answered" })
    expect(asked).toBe(1)
  })
  return onHost({}, Effect.provide(test, world))
})

describe("while the pass is wanted to end", () => {
  /** A byte in each append. */
  const beginning = { ...upload, offset: 0, limit: { maxAppendSize: 1 } }
  const note = JSON.stringify({ url: upload.url, host_id: "lab-1", sha256: parcel.sha256, bytes: parcel.bytes })
  const noted = { [paths.uploadNote(parcel.episodeId)]: note }
  const upTo = (offset: number) => said(204, { "upload-offset": String(offset), "upload-complete": "?0" })
  const over = Effect.succeed(true)

  /** How it ended, and what the receiver had told by then. */
  const carried = (files: Files, answer: (nth: number) => Said, isWanted: Effect.Effect<boolean>) => {
    const told: Array<number> = []
    const carrying = Effect.result(carry(parcel, beginning, (offset) => void told.push(offset)))
    const test = Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(carrying)
      yield* TestClock.adjust("1 minute")
      const end = yield* Fiber.join(fiber)
      const { handedBack } = yield* Resumption
      return { told, made: end._tag === "Failure" && end.failure._tag, handedBack: [...handedBack] }
    })
    return onHost(files, Effect.provide(test, worldOf(answer, isWanted)))
  }
  const WAY = { made: "HandedBack", handedBack: [parcel.episodeId] }
  const NO_WAY = { made: false, handedBack: [] }

  it.effect("makes way between two appends", () =>
    Effect.gen(function* () {
      expect(yield* carried(noted, (nth) => upTo(nth + 1), over)).toEqual({ ...WAY, told: [0, 1] })
      const told: Array<number> = []
      const later = Effect.sync(() => told.push(0) > 3)
      expect(yield* carried(noted, (nth) => upTo(nth + 1), later)).toEqual({ ...WAY, told: [0, 1, 2, 3, 4] })
    })
  )

  it.effect("does not before an append got through: trouble comes to its end", () =>
    Effect.gen(function* () {
      expect(yield* carried(noted, () => CUT, over)).toEqual({ ...NO_WAY, told: [0] })
      const second = (nth: number) => (nth === 0 ? CUT : upTo(nth - 1))
      expect(yield* carried(noted, second, over)).toEqual({ ...WAY, told: [0, 0, 1] })
    })
  )

  it.effect("does not where it could not go on", () =>
    Effect.gen(function* () {
      expect(yield* carried({}, (nth) => (nth < 3 ? upTo(nth + 1) : said(507)), over)).toMatchObject(NO_WAY)
    })
  )

  it.effect("does not as long as something goes on that cannot: there is nothing to make way for", () =>
    Effect.gen(function* () {
      const turn = makeTurn(over)
      expect(yield* turn.inOneGo(turn.isOver)).toBe(false)
      expect(yield* turn.isOver).toBe(true)
    })
  )
})
