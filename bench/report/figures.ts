/** Medians, ranges, ratios, and how they are written. Pure. */
import { NODE_PAIRS, OURS } from "../contenders/names.ts"
import type { Entrant, Race, Run } from "../results.ts"
import { MIB } from "../units.ts"

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

export const percentile = (values: ReadonlyArray<number>, part: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1] ?? Number.NaN

/** With commas between thousands. */
export const grouped = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })

export const mib = (bytes: number): string => grouped(bytes / MIB)

export const size = (bytes: number): string => (bytes < MIB ? `${bytes / 1024} KiB` : `${bytes / MIB} MiB`)

/** Small episodes are counted, large ones weighed. */
export const unitOf = ({ bytes }: Race): string => (bytes < MIB ? "episodes/s" : "MB/s")
const speedOf = ({ bytes, episodes }: Race, seconds: number): number =>
  bytes < MIB ? episodes / seconds : (episodes * bytes) / 1e6 / seconds

export const speed = (race: Race, { runs }: Entrant) => {
  const speeds = runs.map(({ seconds }) => speedOf(race, seconds))
  return { median: median(speeds), least: Math.min(...speeds), most: Math.max(...speeds) }
}

/** How many times as fast one is as another, in the rounds that both went: the first ones. */
export const timesAsFast = (one: Entrant, other: Entrant): number => {
  const rounds = Math.min(one.runs.length, other.runs.length)
  const seconds = ({ runs }: Entrant): number => median(runs.slice(0, rounds).map((run) => run.seconds))
  return seconds(other) / seconds(one)
}

const serverOf = ({ server }: Run) => server ?? { cpu: 0, peak: 0 }

/** Medians of processor seconds. */
export const cpu = ({ runs }: Entrant) => ({
  client: median(runs.map(({ client }) => client.cpu)),
  server: median(runs.map((run) => serverOf(run).cpu)),
  both: median(runs.map((run) => run.client.cpu + serverOf(run).cpu))
})

/** The most of any run, in bytes. */
export const peak = ({ runs }: Entrant) => ({
  client: Math.max(...runs.map(({ client }) => client.peak)),
  server: Math.max(...runs.map((run) => serverOf(run).peak))
})

export const wire = ({ runs }: Entrant): number | undefined => {
  const bytes = runs.flatMap((run) => run.wire ?? [])
  return bytes.length === 0 ? undefined : median(bytes)
}

export const entrant = (race: Race, name: string): Entrant | undefined =>
  race.entrants.find(({ contender }) => contender === name)

export const oursIn = (race: Race): Entrant | undefined => entrant(race, OURS)

/** The faster of the framework-free pairs. */
export const fastestNode = (race: Race): Entrant | undefined =>
  NODE_PAIRS.flatMap((name) => entrant(race, name) ?? []).toSorted(
    (a, b) => speed(race, b).median - speed(race, a).median
  )[0]
