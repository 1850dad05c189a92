/** How fast rows came, thousand by thousand, and what they cost. */
import type { Backlog } from "./results.ts"

interface Sample {
  readonly at: number
  readonly cpu: number
}

const SAMPLE_MILLIS = 200

/** Asks for the processor seconds used so far again and again. */
export const sampleCpu = (used: () => number) => {
  const samples: Array<Sample> = []
  const look = (): void => void samples.push({ at: Date.now(), cpu: used() })
  look()
  const timer = setInterval(look, SAMPLE_MILLIS)
  return {
    stop: (): ReadonlyArray<Sample> => {
      clearInterval(timer)
      return samples
    }
  }
}

/** What had been used at an instant, between the samples around it. */
const usedAt = (samples: ReadonlyArray<Sample>, at: number): number => {
  const next = samples.findIndex((sample) => sample.at > at)
  const [before, after] = [samples.at(next === -1 ? -1 : next - 1), samples.at(next)]
  if (before === undefined || after === undefined || after.at <= before.at) return before?.cpu ?? 0
  return before.cpu + ((after.cpu - before.cpu) * (at - before.at)) / (after.at - before.at)
}

/** `rows`: when they came, in milliseconds since 1970. 1,000 rows are 999 steps. */
export const thousandsOf = (rows: ReadonlyArray<number>, samples: ReadonlyArray<Sample>): Backlog["thousands"] =>
  Array.from({ length: Math.floor(rows.length / 1000) }, (_, i) => {
    const [from = 0, to = 0] = [rows[1000 * i], rows[1000 * i + 999]]
    return { seconds: (to - from) / 999, cpu: ((usedAt(samples, to) - usedAt(samples, from)) * 1000) / 999 }
  })
