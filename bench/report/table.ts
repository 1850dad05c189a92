/** The report in Markdown. Pure: the same results give the same text. */
import { OURS } from "../contenders/names.ts"
import { RACES, type Race, type Results, type Sync } from "../results.ts"
import { cpu, grouped, mib, oursIn, peak, percentile, size, speed, timesAsFast, unitOf, wire } from "./figures.ts"
import { table } from "./markdown.ts"
import { leftOut, measuredOn, notes } from "./notes.ts"
import { targets } from "./targets.ts"

const GB = 1e9

const race = (name: string, figures: Race): string => {
  const { bytes, entrants, episodes } = figures
  const gigabytes = (bytes * episodes) / GB
  const ours = oursIn(figures)
  const rows = entrants.map((each) => {
    const [pace, seconds, most, carried] = [speed(figures, each), cpu(each), peak(each), wire(each)]
    return [
      each.contender === OURS ? `**${OURS}**` : each.contender,
      grouped(pace.median),
      `${grouped(pace.least)}–${grouped(pace.most)}`,
      String(each.runs.length),
      ours === undefined ? "–" : timesAsFast(ours, each).toFixed(2),
      (seconds.client / gigabytes).toFixed(1),
      (seconds.server / gigabytes).toFixed(1),
      (seconds.both / gigabytes).toFixed(1),
      mib(most.client),
      most.server === 0 ? "–" : mib(most.server),
      carried === undefined || most.server === 0 ? "–" : grouped(carried / 1e6, 1)
    ]
  })
  const head = ["", unitOf(figures), "range", "runs", "ours ÷ it", "CPU s/GB, client", "server", "both"]
  return [
    `#### ${name}: ${grouped(episodes)} episodes of ${size(bytes)}`,
    table([...head, "peak MiB, client", "server", "MB on the wire"], rows)
  ].join("\n\n")
}

const millis = (value: number): string => `${(value * 1000).toFixed(2)} ms`

const latency = ({ LATENCY }: Results): ReadonlyArray<string> => {
  if (LATENCY === undefined) return []
  const rows = LATENCY.cases.map(({ concurrency, empty, emptyCpu, full, fullCpu, puts, rounds }) => {
    const ratios = rounds.map((round) => round.full.p50 / round.empty.p50)
    const [low, high] = [percentile(ratios, 0.25), percentile(ratios, 0.75)]
    return [
      String(concurrency),
      grouped(puts),
      millis(empty.p50),
      millis(full.p50),
      `${(full.p50 / empty.p50).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
      millis(empty.p99),
      millis(full.p99),
      (full.p99 / empty.p99).toFixed(2),
      millis(emptyCpu / puts),
      millis(fullCpu / puts)
    ]
  })
  return [
    `#### LATENCY: PUTs of ${size(Math.round(LATENCY.bytes / 1024) * 1024)}, an empty index and one of ${grouped(LATENCY.rows)} rows`,
    table(
      [
        "at a time",
        "PUTs each",
        "p50 empty",
        "p50 full",
        "ratio (middle half of rounds)",
        "p99 empty",
        "p99 full",
        "ratio",
        "CPU a PUT, empty",
        "full"
      ],
      rows
    ),
    `The receiver's peak: ${mib(LATENCY.emptyPeak)} MiB empty, ${mib(LATENCY.fullPeak)} MiB full.`
  ]
}

const backlog = ({ BACKLOG }: Results): ReadonlyArray<string> => {
  if (BACKLOG === undefined) return []
  const { bytes, episodes, receiver, receiverDown, shipper, thousands } = BACKLOG
  const paces = thousands.map((thousand) => grouped(1000 / thousand.seconds)).join(", ")
  const costs = thousands.map((thousand) => thousand.cpu.toFixed(1)).join(", ")
  const passes = receiverDown.map((pass) => pass.cpu.toFixed(2)).join(", ")
  return [
    `#### BACKLOG: ${grouped(episodes)} episodes of ${size(bytes)}`,
    `Episodes/s of each thousand in turn: ${paces}.`,
    `CPU seconds of both sides for each: ${costs}.`,
    `CPU of all: shipper ${shipper.cpu.toFixed(1)} s, receiver ${receiver.cpu.toFixed(1)} s; of passes with the receiver down: ${passes} s.`
  ]
}

const thin = ({ THIN }: Results): ReadonlyArray<string> => {
  if (THIN === undefined) return []
  const { bitsPerSecond, carried, cutSeconds, cuts, ideal, roundTripMillis, stored } = THIN
  return [
    `#### THIN: ${THIN.episodes} episodes of ${size(THIN.bytes)}, ${bitsPerSecond / 1e6} Mbit/s, ${roundTripMillis} ms, every connection dropped after ${cutSeconds} s`,
    `${THIN.seconds.toFixed(1)} s, where \`zstd -9\` alone would need ${ideal.toFixed(1)} s; ${cuts} connections dropped; ${(carried / 1e6).toFixed(1)} MB sent of ${(stored / 1e6).toFixed(1)} MB.`
  ]
}

const syncs = ({ SYNCS }: Results): ReadonlyArray<string> => {
  if (SYNCS === undefined) return []
  const rows = (who: string, calls: ReadonlyArray<Sync>) =>
    calls.map(({ call, file, times }) => [`${who}: \`${file}\``, call, String(times)])
  const count = (calls: ReadonlyArray<Sync>): number => calls.reduce((sum, { times }) => sum + times, 0)
  return [
    "#### SYNCS: what is synced for one episode of 64 KiB (strace)",
    table(
      ["", "call", "times"],
      [
        ...rows("shipper", SYNCS.shipper),
        ["shipper, in all", "", String(count(SYNCS.shipper))],
        ...rows("receiver", SYNCS.receiver),
        ["receiver, in all", "", String(count(SYNCS.receiver))]
      ]
    )
  ]
}

export const report = (results: Results): string =>
  `${[
    ...targets(results),
    ...RACES.flatMap((name) => (results[name] === undefined ? [] : [race(name, results[name])])),
    ...backlog(results),
    ...latency(results),
    ...thin(results),
    ...syncs(results),
    "#### Measured",
    measuredOn(results),
    ...notes(results),
    ...leftOut(results)
  ].join("\n\n")}\n`
