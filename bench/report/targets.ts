/** What is to be reached, as tables: the figure, the target, and by how far it is missed. Pure. */
import { NODE_PAIRS, PYTHON, RSYNC } from "../contenders/names.ts"
import { RACES, type Race, type RaceName, type Results } from "../results.ts"
import { MIB } from "../units.ts"
import { cpu, entrant, fastestNode, grouped, median, oursIn, peak, timesAsFast } from "./figures.ts"
import { table } from "./markdown.ts"
import { atLeast, atMost, judged, type Target } from "./verdict.ts"

interface RaceTarget {
  readonly what: string
  readonly targets: Readonly<Record<RaceName, Target>>
  readonly digits: number
  readonly figure: (race: Race) => number | undefined
}

/** How many times as fast as these, in episodes or bytes per second. */
const faster = {
  python: { SMALL: 7, MEDIUM: 2.1, LARGE: 1.6 },
  rsync: { SMALL: 1.2, MEDIUM: 1.15, LARGE: 1.1 },
  node: { SMALL: 0.9, MEDIUM: 0.95, LARGE: 0.95 }
} as const satisfies Readonly<Record<string, Readonly<Record<RaceName, number>>>>

/** Of a contender there is one for. */
export const speedTarget = (race: RaceName, contender: string): number | undefined => {
  if (contender === PYTHON) return faster.python[race]
  if (contender === RSYNC) return faster.rsync[race]
  return NODE_PAIRS.includes(contender) ? faster.node[race] : undefined
}

const each = ({ LARGE, MEDIUM, SMALL }: Readonly<Record<RaceName, number>>): Readonly<Record<RaceName, Target>> => ({
  SMALL: atLeast(SMALL),
  MEDIUM: atLeast(MEDIUM),
  LARGE: atLeast(LARGE)
})
/** Of either program, with any workload. */
const PEAK = atMost(160)
const peaks = { SMALL: PEAK, MEDIUM: PEAK, LARGE: PEAK }

const fasterThan = (race: Race, other: ReturnType<typeof entrant>): number | undefined => {
  const ours = oursIn(race)
  return ours && other && timesAsFast(ours, other)
}
const cheaperThanPython = (race: Race): number | undefined => {
  const [ours, python] = [oursIn(race), entrant(race, PYTHON)]
  return ours && python && cpu(python).both / cpu(ours).both
}
const peakOf = (race: Race, side: "client" | "server"): number | undefined => {
  const ours = oursIn(race)
  return ours && peak(ours)[side] / MIB
}

const raceTargets: ReadonlyArray<RaceTarget> = [
  {
    what: "speed ÷ the Python pair's",
    targets: each(faster.python),
    digits: 2,
    figure: (race) => fasterThan(race, entrant(race, PYTHON))
  },
  {
    what: "speed ÷ `rsync --fsync`'s",
    targets: each(faster.rsync),
    digits: 2,
    figure: (race) => fasterThan(race, entrant(race, RSYNC))
  },
  {
    what: "speed ÷ framework-free Node's (the faster of 4 and 8)",
    targets: each(faster.node),
    digits: 2,
    figure: (race) => fasterThan(race, fastestNode(race))
  },
  {
    what: "CPU of the Python pair ÷ ours",
    targets: each({ SMALL: 3, MEDIUM: 1.2, LARGE: 1.1 }),
    digits: 2,
    figure: cheaperThanPython
  },
  { what: "shipper's peak, MiB", targets: peaks, digits: 0, figure: (race) => peakOf(race, "client") },
  { what: "receiver's peak, MiB", targets: peaks, digits: 0, figure: (race) => peakOf(race, "server") }
]

const races = (results: Results): string => {
  const run = RACES.filter((name) => results[name] !== undefined)
  if (run.length === 0) return ""
  const rows = raceTargets.map(({ digits, figure, targets, what }) => [
    what,
    ...run.flatMap((name) => {
      const race = results[name]
      return race === undefined ? [] : [judged(figure(race), targets[name], digits)]
    })
  ])
  return table(["", ...run], rows)
}

type Row = readonly [what: string, judged: string]

const backlog = ({ BACKLOG }: Results): ReadonlyArray<Row> => {
  if (BACKLOG === undefined) return []
  const { episodes, idle, receiver, receiverDown, shipper, thousands } = BACKLOG
  const [first, last] = [thousands[0]?.seconds, thousands.at(-1)?.seconds]
  const share = (cpu: number, seconds: number): string => judged((100 * cpu) / seconds, atMost(0.1), 3, " %")
  return [
    ["BACKLOG: speed of the last thousand ÷ the first", judged(first && last && first / last, atLeast(0.9))],
    [
      `BACKLOG: a pass over ${grouped(episodes)} with the receiver down, CPU`,
      judged(median(receiverDown.map((run) => run.cpu)), atMost(1), 2, " s")
    ],
    ...idle.flatMap((state): ReadonlyArray<Row> => {
      const what =
        state.shipped === 0 ? "idle, nothing ever shipped" : `idle, ${grouped(state.shipped)} in \`shipped/\``
      return [
        [`BACKLOG: shipper ${what}, of a core`, share(state.shipper, state.seconds)],
        [`BACKLOG: receiver ${what}, of a core`, share(state.receiver, state.seconds)]
      ]
    }),
    ["BACKLOG: shipper's peak", judged(shipper.peak / MIB, PEAK, 0, " MiB")],
    ["BACKLOG: receiver's peak", judged(receiver.peak / MIB, PEAK, 0, " MiB")]
  ]
}

const latency = ({ LATENCY }: Results): ReadonlyArray<Row> => {
  if (LATENCY === undefined) return []
  const ratio = (full: number, empty: number): string => judged(full / empty, atMost(1.2))
  return [
    ...LATENCY.cases.flatMap(({ concurrency, empty, full }): ReadonlyArray<Row> => {
      const what = `LATENCY: a PUT with ${grouped(LATENCY.rows)} rows ÷ with none, ${concurrency} at a time`
      return [
        [`${what}, p50`, ratio(full.p50, empty.p50)],
        [`${what}, p99`, ratio(full.p99, empty.p99)]
      ]
    }),
    [`LATENCY: receiver's peak with ${grouped(LATENCY.rows)} rows`, judged(LATENCY.fullPeak / MIB, PEAK, 0, " MiB")]
  ]
}

const thin = ({ THIN }: Results): ReadonlyArray<Row> => {
  if (THIN === undefined) return []
  const { carried, ideal, receiverPeak, seconds, shipperPeak, stored } = THIN
  return [
    ["THIN: time ÷ (bytes of `zstd -9` ÷ bandwidth)", judged(seconds / ideal, atMost(1.1))],
    ["THIN: sent twice", judged((100 * (carried - stored)) / stored, atMost(2), 2, " %")],
    ["THIN: shipper's peak", judged(shipperPeak / MIB, PEAK, 0, " MiB")],
    ["THIN: receiver's peak", judged(receiverPeak / MIB, PEAK, 0, " MiB")]
  ]
}

export const targets = (results: Results): ReadonlyArray<string> => {
  const others = [backlog, latency, thin].flatMap((part) => part(results))
  return [races(results), others.length === 0 ? "" : table(["", "figure (target)"], others)].filter(Boolean)
}
