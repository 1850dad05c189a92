/** An upload that is being carried, on a clock of its own. */
import { expect, it } from "@effect/vitest"
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
import { layerAnswering } from "../fuzz/answeringClient.ts"
import { onHost } from "../fuzz/memoryFiles.ts"

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

const worldOf = (onAsked: () => void) =>
  Layer.mergeAll(
    layerAnswering(() => {
      onAsked()
      return { status: 507, headers: {}, body: new Uint8Array(0), cuts: [] }
    }),
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
  const world = worldOf(() => void asked++)
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
