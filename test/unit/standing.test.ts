import { describe, expect, it } from "vitest"
import { advance, bytesPerSecond, startTrack } from "../../src/domain/speed.ts"
import { formatStanding, type Standing, transfersWords, transferWords } from "../../src/shipper/standing.ts"

const MIB = 1024 * 1024
const flying = {
  episode_id: "E1",
  bytes: 500 * MIB,
  sent_bytes: 225 * MIB,
  bytes_per_second: 1_250_000,
  seconds_left: 230
}

describe("a transfer in words", () => {
  it("says how far it is, how fast, and for how long still", () => {
    expect(transferWords(flying)).toBe("E1 45 % of 500.0 MiB, 1.2 MiB/s, 3 min 50 s left")
  })

  it("does not guess before anything has arrived", () => {
    const { seconds_left: _, ...rest } = flying
    expect(transferWords({ ...rest, sent_bytes: 0, bytes_per_second: 0 })).toBe("E1 0 % of 500.0 MiB")
  })

  it("names two of many", () => {
    const { seconds_left: _, ...rest } = flying
    const small = { ...rest, bytes: 10, sent_bytes: 0 }
    expect(transfersWords([small, { ...small, episode_id: "E2" }, small, small])).toBe(
      "E1 0 % of 10 B | E2 0 % of 10 B | 2 more"
    )
  })
})

describe("the daemon's line", () => {
  const quiet: Standing = {
    at: "2026-07-01T09:00:00Z",
    result: undefined,
    transfers: [],
    today: 0,
    last: {}
  }
  const counts = { scanned: 0, shipped: 0, transient_failures: 0, conflicts: 0, fatal: 0 }

  it("says little when there is nothing to say", () => {
    expect(formatStanding(quiet)).toBe("2026-07-01T09:00:00Z nothing in flight; 0 shipped today")
  })

  it("says what is in flight, what lies there, what went well and what did not", () => {
    const line = formatStanding({
      ...quiet,
      transfers: [flying],
      today: 12,
      result: { counts: { ...counts, conflicts: 1 }, left: 7, stop: undefined, closed: undefined },
      last: {
        last_success_at: "2026-07-01T08:59:00Z",
        last_success_episode: "E0",
        last_error_at: "2026-07-01T08:00:00Z",
        last_error: "EX: no"
      }
    })
    expect(line).toBe(
      "2026-07-01T09:00:00Z in flight: E1 45 % of 500.0 MiB, 1.2 MiB/s, 3 min 50 s left; 7 in episodes/; 1 in conflict; 12 shipped today; last E0 at 2026-07-01T08:59:00Z; last trouble 2026-07-01T08:00:00Z: EX: no"
    )
  })

  it("says first of all why nothing is shipped", () => {
    const stop = { error: "no connection", status: 0, retryAfter: undefined }
    const line = formatStanding({ ...quiet, result: { counts, left: 7, stop, closed: undefined } })
    expect(line).toContain("stopped: no connection")
  })
})

describe("speed", () => {
  const at = (seconds: number, bytes: number) => ({ nanos: BigInt(seconds) * 1_000_000_000n, bytes })
  const run = (...marks: ReadonlyArray<readonly [number, number]>) =>
    marks
      .slice(1)
      .reduce((track, [seconds, bytes]) => advance(track, at(seconds, bytes)), startTrack(at(...(marks[0] ?? [0, 0]))))

  it("counts from the beginning at first", () => {
    expect(bytesPerSecond(run([0, 100], [10, 1100]), at(10, 0).nanos)).toBe(100)
  })

  it("forgets what is longer ago than a minute", () => {
    const track = run([0, 0], [31, 31_000_000], [62, 31_000_031], [90, 31_000_059])
    expect(bytesPerSecond(track, at(90, 0).nanos)).toBe(1)
  })

  it("goes down while nothing moves, and is never below 0", () => {
    const track = run([0, 0], [10, 1000])
    expect(bytesPerSecond(track, at(100, 0).nanos)).toBe(10)
    expect(bytesPerSecond(run([0, 1000], [10, 0]), at(10, 0).nanos)).toBe(0)
    expect(bytesPerSecond(startTrack(at(5, 5)), at(5, 0).nanos)).toBe(0)
  })
})
