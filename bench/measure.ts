/** What the kernel says of running processes and their children: processor time and memory. */
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

const TICKS_PER_SECOND = 100
const KIB = 1024

interface Stat {
  readonly pid: number
  readonly parent: number
  /** Of its own and of the children it has waited for, in seconds. */
  readonly cpu: number
}

const statOf = (pid: number): Stat | undefined => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number) as [number, number, number, number]
    return { pid, parent: Number(fields[1]), cpu: (utime + stime + cutime + cstime) / TICKS_PER_SECOND }
  } catch {
    // It has ended.
    return undefined
  }
}

const residentOf = (pid: number): number => {
  try {
    return KIB * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** A process and everything below it, now. */
const family = (root: number): ReadonlyArray<Stat> => {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? [])
  const members = all.filter(({ pid }) => pid === root)
  for (let at = 0; at < members.length; at++) members.push(...all.filter(({ parent }) => parent === members[at]?.pid))
  return members
}

/** Processor seconds of a process and everything below it so far. */
export const cpuSeconds = (root: number): number => family(root).reduce((sum, { cpu }) => sum + cpu, 0)

/** Processor seconds of every process that this one has started and waited for, children of theirs too. */
export const cpuOfChildren = (): number => {
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
}

const SAMPLE_MILLIS = 50

/** Watches the memory of some families; `stop` gives the most that each had resident at once, in bytes. */
export const watchMemory = (roots: ReadonlyArray<number>) => {
  const peaks = roots.map(() => 0)
  const stopped = new AbortController()
  const watch = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      for (const [i, root] of roots.entries()) {
        const now = family(root).reduce((sum, { pid }) => sum + residentOf(pid), 0)
        peaks[i] = Math.max(peaks[i] ?? 0, now)
      }
      await sleep(SAMPLE_MILLIS)
    }
  }
  const watched = watch()
  return {
    stop: async (): Promise<ReadonlyArray<number>> => {
      stopped.abort()
      await watched
      return peaks
    }
  }
}

/** Bytes that went over loopback so far, if nobody else's do: in a network namespace of our own. */
export const wireBytes = (): number | undefined => {
  const lines = readFileSync("/proc/self/net/dev", "utf8").split("\n").slice(2).filter(Boolean)
  const [name, ...counts] = lines[0]?.trim().split(/[:\s]+/) ?? []
  return lines.length === 1 && name === "lo" ? Number(counts[0]) : undefined
}
