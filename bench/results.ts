/** What `results.json` holds: what was measured, as it was measured; the report makes ratios of it. Seconds, bytes, RFC 3339 in UTC. */

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  /** Under the directories that were shipped from and to. */
  readonly filesystem: string
  readonly node: string
}

interface Measured {
  readonly date: string
  readonly machine: Machine
}

export interface LeftOut {
  readonly what: string
  readonly why: string
}

/** One end: processor seconds, and bytes resident at most. */
interface Side {
  readonly cpu: number
  readonly peak: number
}

export interface Run {
  readonly seconds: number
  readonly client: Side
  /** `null`: there is none. */
  readonly server: Side | null
  /** Bytes over the loopback, both ways; `null` where others use it too. */
  readonly wire: number | null
  /** Processor seconds that watching took. */
  readonly watching: number
}

export interface Entrant {
  readonly contender: string
  readonly runs: ReadonlyArray<Run>
}

/** A workload, shipped by everybody in turn. */
export interface Race extends Measured {
  readonly episodes: number
  /** Of one episode, before it is packed. */
  readonly bytes: number
  readonly entrants: ReadonlyArray<Entrant>
  readonly leftOut: ReadonlyArray<LeftOut>
}

export interface Backlog extends Measured {
  readonly episodes: number
  readonly bytes: number
  /** A pass over all of them that cannot reach its receiver. */
  readonly receiverDown: ReadonlyArray<{ readonly seconds: number; readonly cpu: number }>
  /** Then shipping them all: how long each thousand took, and processor seconds of both sides meanwhile. */
  readonly thousands: ReadonlyArray<{ readonly seconds: number; readonly cpu: number }>
  readonly shipper: Side
  readonly receiver: Side
  /** Processor seconds of both daemons in `seconds` without anything to do. */
  readonly idle: ReadonlyArray<{
    readonly shipped: number
    readonly seconds: number
    readonly shipper: number
    readonly receiver: number
  }>
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

/** PUTs to a receiver with an empty index and to one with many rows, in turn. */
export interface Latency extends Measured {
  readonly rows: number
  /** Of one tarball. */
  readonly bytes: number
  readonly cases: ReadonlyArray<{
    readonly concurrency: number
    readonly puts: number
    readonly empty: Percentiles
    readonly full: Percentiles
    /** Processor seconds of the receivers for all of them. */
    readonly emptyCpu: number
    readonly fullCpu: number
    readonly rounds: ReadonlyArray<{ readonly empty: Percentiles; readonly full: Percentiles }>
  }>
  readonly emptyPeak: number
  readonly fullPeak: number
}

export interface Thin extends Measured {
  readonly episodes: number
  readonly bytes: number
  readonly bitsPerSecond: number
  readonly roundTripMillis: number
  readonly cutSeconds: number
  readonly seconds: number
  /** What `zstd -9` would need: its bytes ÷ bandwidth. */
  readonly ideal: number
  readonly stored: number
  /** Of episodes over the line. */
  readonly carried: number
  readonly cuts: number
  readonly shipperPeak: number
  readonly receiverPeak: number
}

export interface Sync {
  readonly call: string
  readonly file: string
  readonly times: number
}

export interface Syncs extends Measured {
  /** Of one pass with one episode, less those of a pass with nothing to do. */
  readonly shipper: ReadonlyArray<Sync>
  /** Of one PUT. */
  readonly receiver: ReadonlyArray<Sync>
}

export interface Results {
  readonly SMALL?: Race
  readonly MEDIUM?: Race
  readonly LARGE?: Race
  readonly BACKLOG?: Backlog
  readonly LATENCY?: Latency
  readonly THIN?: Thin
  readonly SYNCS?: Syncs
}
type Part = keyof Results

export const RACES = ["SMALL", "MEDIUM", "LARGE"] as const
export type RaceName = (typeof RACES)[number]
const ORDER: ReadonlyArray<Part> = [...RACES, "BACKLOG", "LATENCY", "THIN", "SYNCS"]

/** The newer figures in place of the older ones of the same parts; parts always in the same order. */
export const merge = (older: Results, newer: Results): Results => {
  const both = { ...older, ...newer }
  return Object.fromEntries(ORDER.flatMap((part) => (both[part] === undefined ? [] : [[part, both[part]]])))
}
