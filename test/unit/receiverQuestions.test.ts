import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServerError from "effect/http/HttpServerError"
import * as Result from "effect/Result"
import { describe, expect, test } from "vitest"
import { EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { mayListen } from "../../src/receiver/auth.ts"
import { abandonable } from "../../src/receiver/body.ts"
import type { Standing } from "../../src/receiver/Dataset.ts"
import { remembered } from "../../src/receiver/hosts.ts"
import { type Announcement, alreadyThere } from "../../src/receiver/questions.ts"
import { targetOf } from "../../src/receiver/target.ts"

const hostId = HostId.make("lab-1")
const episodeId = EpisodeId.make("e")
const digest = (digit: string) => Sha256.make(digit.repeat(64))

describe("already there", () => {
  const row = { host_id: hostId, episode_id: episodeId, sha256: digest("1"), bytes: 10, content_sha256: digest("2") }
  const absent: Standing = { _tag: "Absent" }
  const present: Standing = { _tag: "Present", row }
  const lost: Standing = { _tag: "Lost", row }
  const { content_sha256: _, ...oldRow } = row
  const lostOld: Standing = { _tag: "Lost", row: oldRow }

  const unindexed: Standing = { _tag: "Unindexed" }
  const opaque: Standing = { _tag: "Present", row: oldRow }
  const withdrawn: Standing = { _tag: "Withdrawn", row: { ...row, status: "withdrawn" } }
  const withdrawnOld: Standing = { _tag: "Withdrawn", row: { ...oldRow, status: "withdrawn" } }

  const same = digest("1")
  const repacked = digest("3")
  const sameContent = digest("2")
  const otherContent = digest("4")

  const cases: ReadonlyArray<[string, Standing, Sha256, Sha256 | undefined, string]> = [
    ["nothing", absent, same, sameContent, "Wanted, new"],
    ["nothing, no content digest", absent, same, undefined, "Wanted, new"],
    ["the same tarball", present, same, undefined, "Known"],
    ["the same tarball and content", present, same, sameContent, "Known"],
    ["the same content in another tarball", present, repacked, sameContent, "Known"],
    ["another tarball of unknown content", present, repacked, undefined, "Wanted, known name"],
    ["other content", present, repacked, otherContent, "other-content"],
    ["of unknown content, the same tarball", opaque, same, sameContent, "Known"],
    ["of unknown content, the same tarball, no content digest", opaque, same, undefined, "Known"],
    ["of unknown content, another tarball", opaque, repacked, sameContent, "other-content"],
    ["of unknown content, another tarball of unknown content", opaque, repacked, undefined, "other-content"],
    ["lost, the same tarball", lost, same, undefined, "Wanted, known name"],
    ["lost, the same content", lost, repacked, sameContent, "Wanted, known name"],
    ["lost, unknown content", lost, repacked, undefined, "Wanted, known name"],
    ["lost, other content", lost, repacked, otherContent, "stored-copy-lost"],
    ["lost, of an old row", lostOld, repacked, otherContent, "Wanted, known name"],
    ["a file without a row", unindexed, same, sameContent, "Wanted, known name"],
    ["withdrawn, the same tarball", withdrawn, same, undefined, "Wanted, known name"],
    ["withdrawn, the same content", withdrawn, repacked, sameContent, "Wanted, known name"],
    ["withdrawn, unknown content", withdrawn, repacked, undefined, "Wanted, new"],
    ["withdrawn, other content", withdrawn, repacked, otherContent, "Wanted, new"],
    ["withdrawn, of an old row, the same tarball", withdrawnOld, same, otherContent, "Wanted, known name"],
    ["withdrawn, of an old row, unknown content", withdrawnOld, repacked, undefined, "Wanted, new"]
  ]
  test.each(cases)("%s", (_what, standing, sha256, contentSha256, expected) => {
    const announced: Announcement = { hostId, episodeId, bytes: 10, sha256, contentSha256, commit: undefined }
    const outcome = Result.match(alreadyThere(standing, announced), {
      onFailure: ({ problem }) => problem as string,
      onSuccess: (reply) => (reply._tag === "Known" ? "Known" : reply.isNew ? "Wanted, new" : "Wanted, known name")
    })
    expect(outcome).toBe(expected)
  })
})

describe("what may be given up", () => {
  test.each([
    ["the client goes away", HttpServerError.ClientAbort.annotation, "body-stalled"],
    ["the program ends", undefined, "unavailable"]
  ])("is a refusal when %s", async (_what, annotations, problem) => {
    let outcome: unknown
    const given = Effect.flip(abandonable(Effect.never)).pipe(
      Effect.tap((refusal) =>
        Effect.sync(() => {
          outcome = refusal
        })
      ),
      Effect.uninterruptible
    )
    const fiber = Effect.runFork(given)
    fiber.interruptUnsafe(undefined, annotations)
    await Effect.runPromise(Fiber.await(fiber))
    expect(outcome).toMatchObject({ problem })
  })
})

describe("where one may listen without tokens", () => {
  test.each([
    "127.0.0.1:8490",
    "127.1.2.3:1",
    "[::1]:8490",
    "localhost:80",
    "unix:/run/cis490.sock"
  ])("%s", (listen) => {
    expect(mayListen(listen, false)).toBeUndefined()
  })
  test.each([
    "0.0.0.0:8490",
    "[::]:8490",
    "10.0.0.1:80",
    "collector.wg:80",
    "127.evil.example:80",
    "localhost.evil:80"
  ])("not %s", (listen) => {
    expect(mayListen(listen, false)).toContain(listen)
    expect(mayListen(listen, true)).toBeUndefined()
  })
})

describe("targets", () => {
  test.each([
    ["/v1/health", "Health"],
    ["/v1/health?verbose", "Health"],
    ["http://collector.wg/v1/ping", "Ping"],
    ["http://collector.wg:80/v1/episodes/../v1/ping", "Episode"],
    ["/v1/episodes/a/b?c=/d", "Episode"],
    ["/v1/episodes/", "Episode"],
    ["/v1/episodes", undefined],
    ["//v1/health", undefined],
    ["/v1//health", undefined],
    ["/V1/health", undefined],
    ["/v1/health/", undefined],
    ["/constructor", undefined],
    ["*", undefined],
    ["", undefined]
  ])("%s", (url, tag) => expect(targetOf(url)?._tag).toBe(tag))

  test("names are read as they are", () => {
    expect(targetOf("/v1/episodes/a%2Fb/../c?d")).toEqual({ _tag: "Episode", hostId: "a%2Fb", episodeId: "../c" })
  })
})

describe("what is remembered of a host", () => {
  const hour = 3_600_000
  const at = (minutes: number, id: string | null, before?: ReturnType<typeof remembered>) =>
    remembered(before, { host_id: hostId, instance_id: id }, 1_000 * hour + minutes * 60_000)
  const ids = (row: ReturnType<typeof remembered>) => row.instances.map(({ id }) => id)

  test("the instances of the last hour, newest first", () => {
    const first = at(0, "a")
    expect(ids(at(59, "b", first))).toEqual(["b", "a"])
    expect(ids(at(60, "b", first))).toEqual(["b"])
    expect(ids(at(60, "a", at(30, "b", first)))).toEqual(["a", "b"])
    expect(ids(at(59, null, first))).toEqual(["a"])
  })
  test("not more than sixteen of them", () => {
    const many = Array.from({ length: 40 }, (_, i) => `${i}`)
    const row = many.reduce<ReturnType<typeof remembered> | undefined>((before, id) => at(0, id, before), undefined)
    expect(row?.instances).toHaveLength(16)
  })
})
