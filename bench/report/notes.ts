/** What the figures rest on: machines and days, how they were taken, what was left out. Pure. */
import { type Machine, RACES, type Results } from "../results.ts"

const machineText = ({ cores, cpu: model, filesystem, kernel, memoryBytes, node }: Machine): string =>
  `${cores} cores of ${model}, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}, ${filesystem}, Node ${node}`

/** Which parts were measured where and on which day. */
export const measuredOn = (results: Results): string => {
  const places = Object.entries(results).map(([part, { date, machine }]) => ({
    part,
    where: `${date.slice(0, 10)}, ${machineText(machine)}`
  }))
  return [...Map.groupBy(places, ({ where }) => where)]
    .map(([where, parts]) => `- ${parts.map(({ part }) => part).join(", ")}: ${where}`)
    .join("\n")
}

export const notes = (results: Results): ReadonlyArray<string> => {
  const shares = RACES.flatMap((name) => results[name]?.entrants ?? []).flatMap(({ runs }) =>
    runs.map((run) => run.watching / run.seconds)
  )
  if (shares.length === 0) return []
  return [
    "Speeds, CPU seconds and bytes are medians, peaks the most of any run; those of families of processes (the shell, Python's client, rsync's daemon) are the largest sums seen. Ratios of speeds are of rounds in which both took part. What is synced: ours, framework-free Node and Python every file, directory and row; rsync its files; curl to nginx nothing.",
    `Watching took ${(100 * Math.max(...shares)).toFixed(1)} % of a core at most.`
  ]
}

export const leftOut = (results: Results): ReadonlyArray<string> => {
  const all = RACES.flatMap((name) => results[name]?.leftOut ?? [])
  const lines = new Set(all.map(({ what, why }) => `- left out: ${what}, which ${why}`))
  return lines.size === 0 ? [] : [[...lines].join("\n")]
}
