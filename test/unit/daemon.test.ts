import { expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { systemError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { HostId } from "../../src/domain/names.ts"
import { DAYS } from "../../src/domain/timetable.ts"
import { Notify } from "../../src/services/Notify.ts"
import { Volume } from "../../src/services/Volume.ts"
import { Installation } from "../../src/shipper/checkin.ts"
import { Retention } from "../../src/shipper/cleanup.ts"
import { Destination } from "../../src/shipper/Destination.ts"
import { Cadence, daemon } from "../../src/shipper/daemon.ts"
import { Effort } from "../../src/shipper/Effort.ts"
import { Link } from "../../src/shipper/Link.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"
import { Patience } from "../../src/shipper/Patience.ts"
import { Progress } from "../../src/shipper/Progress.ts"
import { Pace } from "../../src/shipper/pass.ts"
import { Resumption } from "../../src/shipper/resume/Resumption.ts"
import { layerSync } from "../support/codecSync.ts"

const notThere = systemError({ _tag: "NotFound", module: "FileSystem", method: "none" })

/** A daemon with nothing to do, on an empty disk; what it looks at is counted, and `page` is what a scan meets. */
const idle = (looks: Array<string>, page: () => Effect.Effect<{ names: []; total: 0 }>, link = Link.layerUnlimited) => {
  const contents = new Map<string, string>()
  const files = FileSystem.layerNoop({
    readDirectory: (path) => Effect.sync(() => (looks.push(path), [])),
    readFileString: (path) =>
      Effect.suspend(() => {
        const content = contents.get(path)
        return content === undefined ? Effect.fail(notThere) : Effect.succeed(content)
      }),
    writeFileString: (path, content) => Effect.sync(() => void contents.set(path, content)),
    rename: (from, to) => Effect.sync(() => void contents.set(to, contents.get(from) ?? ""))
  })
  const volume = Layer.succeed(Volume, {
    inspect: () => Effect.fail(notThere),
    find: () => Effect.undefined,
    findAll: () => Effect.succeed([]),
    names: () => Stream.empty,
    page: (directory) => Effect.suspend(() => (looks.push(`scan ${directory}`), page())),
    countHolding: () => Effect.succeed({ count: 0, first: undefined }),
    lightest: () => Effect.succeed({ first: [], behind: 0, total: 0 }),
    space: () => Effect.succeed({ freeBytes: 1e12, totalBytes: 1e12, freeInodes: 1, totalInodes: 1 }),
    lock: () => Effect.void,
    lockHolder: () => Effect.undefined
  })
  const settings = Layer.mergeAll(
    Layer.succeed(Layout, pathsBelow("/data")),
    Layer.succeed(Pace, { concurrency: 1, compressionLevel: 3, order: "oldest-first" }),
    Layer.succeed(Installation, { version: "0", repoPath: "/none" }),
    Layer.succeed(Retention, {
      keepLocalForDays: 7,
      quarantineKeepDays: 30,
      cleanupIntervalSeconds: 3600,
      minFreeBytes: 0
    }),
    Layer.succeed(Cadence, {
      scanIntervalSeconds: 5,
      backoffSeconds: [1],
      checkinIntervalSeconds: 0,
      cleanupIntervalSeconds: 3600
    }),
    Layer.succeed(Destination, {
      url: "http://receiver",
      hostId: HostId.make("lab-1"),
      token: Effect.undefined,
      requestTimeoutSeconds: 60
    }),
    Layer.succeed(Notify, { send: () => Effect.void, watchdogMillis: undefined }),
    Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make(() => Effect.never)
    )
  )
  return Layer.mergeAll(
    files,
    volume,
    settings,
    layerSync,
    link,
    Progress.layer,
    Patience.layer([1]),
    layerEffort,
    layerResumption,
    DateTime.layerCurrentZoneOffset(0)
  )
}
const layerEffort = Effort.layer(1)
const layerResumption = Resumption.layer({ aboveBytes: 2 ** 22, backoffSeconds: [1] })
const nothing = () => Effect.succeed({ names: [] as [], total: 0 as const })

it.effect("scans every interval and sweeps beside it", () => {
  const looks: Array<string> = []
  return Effect.gen(function* () {
    yield* Effect.forkChild(daemon)
    yield* TestClock.adjust("59 seconds")
    expect(looks.filter((look) => look === "scan /data/episodes").length).toBe(12)
    expect(looks.filter((look) => look === "/data/outbox").length).toBeGreaterThanOrEqual(12)
  }).pipe(Effect.provide(idle(looks, nothing)))
})

it.effect("sweeps also while a pass takes long", () => {
  const looks: Array<string> = []
  const sweeps = () => looks.filter((look) => look === "/data/outbox").length
  return Effect.gen(function* () {
    yield* Effect.forkChild(daemon)
    yield* TestClock.adjust("1 second")
    const before = sweeps()
    yield* TestClock.adjust("5 minutes")
    expect(sweeps() - before).toBe(5)
  }).pipe(Effect.provide(idle(looks, () => Effect.never)))
})

it.effect("cleans once per interval, whatever is looked at in between", () => {
  const looks: Array<string> = []
  return Effect.gen(function* () {
    yield* Effect.forkChild(daemon)
    const cleanings = () => looks.filter((look) => look === "/data/quarantine").length
    yield* TestClock.adjust("59 minutes")
    expect(cleanings()).toBe(0)
    yield* TestClock.adjust("2 minutes")
    expect(cleanings()).toBe(1)
    yield* TestClock.adjust("3 hours")
    expect(cleanings()).toBe(4)
  }).pipe(Effect.provide(idle(looks, nothing)))
})

it.effect("ends when one of its fibers has a defect", () => {
  let scans = 0
  const page = () => (++scans < 3 ? nothing() : Effect.die(new Error("our own mistake")))
  return Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(daemon)
    yield* TestClock.adjust("1 minute")
    const exit = yield* Fiber.await(fiber)
    expect(Exit.isFailure(exit)).toBe(true)
    expect(scans).toBe(3)
  }).pipe(Effect.provide(idle([], page)))
})

it.effect("looks once at a backlog while a window is closed, and again when it opens", () => {
  const looks: Array<string> = []
  const closed = Link.layer({ rate: Infinity, windows: [{ days: DAYS, from: 0, to: 60, rate: 0 }] }).pipe(
    Layer.provide([Progress.layer, DateTime.layerCurrentZoneOffset(0)])
  )
  const scans = () => looks.filter((look) => look === "scan /data/episodes").length
  return Effect.gen(function* () {
    yield* Effect.forkChild(daemon)
    yield* TestClock.adjust("59 minutes")
    expect(scans()).toBe(1)
    yield* TestClock.adjust("2 minutes")
    expect(scans()).toBeGreaterThan(6)
  }).pipe(Effect.provide(idle(looks, nothing, closed)))
})
