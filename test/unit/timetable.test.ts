import * as DateTime from "effect/DateTime"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DAYS, type Day, openFor, opensAt, rateAt, type Timetable } from "../../src/domain/timetable.ts"

const zone = (name: string): DateTime.TimeZone => DateTime.zoneMakeNamedUnsafe(name)
const UTC = zone("UTC")
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
const every: ReadonlyArray<Day> = DAYS
const window = (from: string, to: string, rate: number, days = every) => ({
  days,
  from: minutes(from),
  to: minutes(to),
  rate
})
const rates = (timetable: Timetable, where: DateTime.TimeZone, times: ReadonlyArray<string>) =>
  times.map((time) => rateAt(timetable, where, Date.parse(time)))
const opens = (timetable: Timetable, where: DateTime.TimeZone, time: string) => {
  const at = opensAt(timetable, where, Date.parse(time))
  return at === undefined ? undefined : new Date(at).toISOString()
}

describe("a timetable", () => {
  it("without windows has its rate at any time", () => {
    expect(rates({ rate: 5000, windows: [] }, UTC, ["2026-01-01T00:00Z"])).toEqual([5000])
  })

  it("has a window's rate from its first minute to before its last", () => {
    const timetable = { rate: Infinity, windows: [window("08:00", "18:00", 5000)] }
    const times = ["07:59:59.999", "08:00:00", "17:59:59.999", "18:00:00"].map((time) => `2026-01-01T${time}Z`)
    expect(rates(timetable, UTC, times)).toEqual([Infinity, 5000, 5000, Infinity])
  })

  it("carries a window over midnight into the day after the one it begins on", () => {
    const timetable = { rate: 1, windows: [window("22:00", "06:00", 9, ["sat"])] }
    // The 3rd of January 2026 is a Saturday.
    const times = ["03T05:59Z", "03T22:00Z", "04T05:59Z", "04T06:00Z", "04T22:00Z"].map((time) => `2026-01-${time}`)
    expect(rates(timetable, UTC, times)).toEqual([1, 9, 9, 1, 1])
  })

  it("takes the first of the windows that are on", () => {
    const windows = [window("10:00", "11:00", 3), window("00:00", "24:00", 2), window("10:30", "12:00", 4)]
    const times = ["09:59", "10:30", "11:00"].map((time) => `2026-01-01T${time}Z`)
    expect(rates({ rate: 1, windows }, UTC, times)).toEqual([2, 3, 2])
  })

  it("opens when nothing forbids it any more, through windows that meet", () => {
    const windows = [window("20:00", "24:00", 0), window("00:00", "06:30", 0), window("06:30", "07:00", 0, ["fri"])]
    const timetable = { rate: 1, windows }
    // The 1st of January 2026 is a Thursday.
    expect(opens(timetable, UTC, "2026-01-01T21:10:11Z")).toBe("2026-01-02T07:00:00.000Z")
    expect(opens(timetable, UTC, "2026-01-02T21:10:11Z")).toBe("2026-01-03T06:30:00.000Z")
    expect(opens(timetable, UTC, "2026-01-02T07:00:00Z")).toBe("2026-01-02T07:00:00.000Z")
  })

  it("is open for what its windows leave, to the millisecond", () => {
    const open = (timetable: Timetable, from: string, to: string) =>
      openFor(timetable, UTC, Date.parse(from), Date.parse(to)) / 60_000
    const office = { rate: 1, windows: [window("12:00", "13:00", 9), window("08:00", "18:00", 0)] }
    expect(open(office, "2026-01-01T07:00:30Z", "2026-01-01T19:00:15Z")).toBe(59.5 + 60 + 60.25)
    expect(open(office, "2026-01-01T09:00:30Z", "2026-01-01T09:00:40Z")).toBe(0)
    expect(open(office, "2026-01-01T00:00:00Z", "2026-01-11T00:00:00Z")).toBe(10 * 15 * 60)
    expect(open({ rate: 1, windows: [] }, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")).toBe(1440)
  })

  it("that never opens says so", () => {
    expect(opens({ rate: 1, windows: [window("00:00", "24:00", 0)] }, UTC, "2026-01-01T00:00Z")).toBeUndefined()
  })

  const weekly = { rate: 1, windows: [window("00:00", "24:00", 0, ["mon", "tue", "wed", "thu", "fri", "sat"])] }
  it("that opens in a week finds it", () => {
    expect(opens(weekly, UTC, "2026-01-05T00:00Z")).toBe("2026-01-11T00:00:00.000Z")
  })
})

describe("when clocks change", () => {
  const berlin = zone("Europe/Berlin")
  const newYork = zone("America/New_York")
  const night = { rate: 1, windows: [window("22:00", "06:00", 0)] }

  it("a night is an hour shorter in spring and longer in autumn", () => {
    expect(opens(night, berlin, "2026-03-28T21:00:00Z")).toBe("2026-03-29T04:00:00.000Z")
    expect(opens(night, berlin, "2026-10-24T20:00:00Z")).toBe("2026-10-25T05:00:00.000Z")
    expect(opens(night, newYork, "2026-03-08T03:00:00Z")).toBe("2026-03-08T10:00:00.000Z")
    expect(opens(night, newYork, "2026-11-01T02:00:00Z")).toBe("2026-11-01T11:00:00.000Z")
  })

  it("a night leaves the day as long as it is", () => {
    const hours = (where: DateTime.TimeZone, from: string, to: string) =>
      openFor(night, where, Date.parse(from), Date.parse(to)) / 3_600_000
    expect(hours(berlin, "2026-03-28T05:00:00Z", "2026-03-30T04:00:00Z")).toBe(32)
    expect(hours(berlin, "2026-10-25T04:30:00Z", "2026-10-25T05:30:00Z")).toBe(0.5)
    expect(hours(berlin, "2026-10-25T22:00:00Z", "2026-10-26T05:00:00Z")).toBe(0)
  })

  it("what lies in the hour that is left out does not come that day, what reaches out of it does", () => {
    const within = { rate: 1, windows: [window("02:15", "02:45", 0)] }
    const across = { rate: 1, windows: [window("02:30", "04:00", 0)] }
    const into = { rate: 1, windows: [window("01:00", "02:30", 0)] }
    // 01:59 and 03:00 at the wall.
    const spring = [
      { where: berlin, times: ["2026-03-29T00:59Z", "2026-03-29T01:00Z"] },
      { where: newYork, times: ["2026-03-08T06:59Z", "2026-03-08T07:00Z"] }
    ]
    for (const { times, where } of spring) {
      expect(rates(within, where, times)).toEqual([1, 1])
      expect(rates(across, where, times)).toEqual([1, 0])
      expect(rates(into, where, times)).toEqual([0, 1])
      expect(opens(into, where, times[0] ?? "")).toBe(new Date(times[1] ?? "").toISOString())
    }
  })

  it("what lies in the hour that comes twice comes twice", () => {
    const timetable = { rate: 1, windows: [window("01:30", "02:30", 0)] }
    // 02:15 at the wall, the first time and the second, and what is between.
    const times = ["2026-10-25T00:15Z", "2026-10-25T00:30Z", "2026-10-25T01:15Z", "2026-10-25T01:30Z"]
    expect(rates(timetable, berlin, times)).toEqual([0, 1, 0, 1])
    expect(opens(timetable, berlin, "2026-10-25T00:15Z")).toBe("2026-10-25T00:30:00.000Z")
    const american = { rate: 1, windows: [window("01:00", "02:00", 0)] }
    const again = ["2026-11-01T04:59Z", "2026-11-01T05:00Z", "2026-11-01T06:59Z", "2026-11-01T07:00Z"]
    expect(rates(american, newYork, again)).toEqual([1, 0, 0, 1])
    expect(opens(american, newYork, "2026-11-01T05:00Z")).toBe("2026-11-01T07:00:00.000Z")
  })
})

/** Every minute of a week that a window holds, written out: `day * 1440 + minute`. */
const writtenOut = ({ windows }: Timetable): ReadonlyArray<ReadonlySet<number>> =>
  windows.map(({ days, from, to }) => {
    const length = to > from ? to - from : to + 1440 - from
    return new Set(
      days.flatMap((day) => Array.from({ length }, (_, i) => (DAYS.indexOf(day) * 1440 + from + i) % (7 * 1440)))
    )
  })

describe("a timetable, whatever it is", () => {
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca"
  ]
  const aWindow = fc
    .record({
      days: fc.subarray([...DAYS], { minLength: 1 }),
      from: fc.integer({ min: 0, max: 1439 }),
      to: fc.integer({ min: 0, max: 1440 }),
      rate: fc.constantFrom(0, 0, 3000, Infinity)
    })
    .filter(({ from, to }) => from !== to)
  const aTimetable = fc.record({
    rate: fc.constantFrom(0, 2048, Infinity),
    windows: fc.array(aWindow, { maxLength: 4 })
  })
  // Around the clock changes of 2026, and anywhere in it.
  const changes = [
    "2026-03-29T01:00Z",
    "2026-10-25T01:00Z",
    "2026-03-08T07:00Z",
    "2026-11-01T06:00Z",
    "2026-04-04T15:00Z"
  ]
  const aTime = fc.oneof(
    fc
      .tuple(fc.constantFrom(...changes), fc.integer({ min: -1440, max: 1440 }))
      .map(([change, minute]) => Date.parse(change) + minute * 60_000),
    fc.integer({ min: 0, max: 525_000 }).map((minute) => Date.UTC(2026, 0) + minute * 60_000)
  )
  const formats = new Map(
    zones.map((name) => [
      name,
      new Intl.DateTimeFormat("en-US", {
        timeZone: name,
        weekday: "short",
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23"
      })
    ])
  )
  const onTheWall = (name: string, at: number): number => {
    const parts = Object.fromEntries(
      (formats.get(name)?.formatToParts(at) ?? []).map(({ type, value }) => [type, value])
    )
    const day = DAYS.findIndex((known) => known === parts["weekday"]?.toLowerCase())
    return day * 1440 + Number(parts["hour"]) * 60 + Number(parts["minute"])
  }

  it("is what a list of all minutes says", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        aTimetable,
        aTime,
        fc.integer({ min: 0, max: 59_999 }),
        (name, timetable, at, within) => {
          const sets = writtenOut(timetable)
          const naive = (millis: number): number => {
            const minute = onTheWall(name, millis)
            const on = sets.findIndex((set) => set.has(minute))
            return timetable.windows[on]?.rate ?? timetable.rate
          }
          expect(rateAt(timetable, zone(name), at + within)).toBe(naive(at))
          const opening = opensAt(timetable, zone(name), at + within)
          const from = naive(at) > 0 ? at + within : at
          let expected: number | undefined = from
          while (expected !== undefined && naive(expected) === 0) {
            expected = expected - from > 8 * 86_400_000 ? undefined : expected + 60_000
          }
          expect(opening).toBe(expected)
        }
      ),
      { numRuns: 150 }
    )
  })
})
