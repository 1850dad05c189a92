/** What the kernel says of running processes and their children: processor time and memory. */
import { readdirSync, readFileSync } from "node:fs"
import { KIB } from "./units.ts"

const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4 * KIB

/** What a file below /proc holds; nothing once its process has ended. */
const proc = (path: string): string => {
  try {
    return readFileSync(`/proc/${path}`, "utf8")
  } catch {
    return ""
  }
}

/** The fields of `/proc/PID/stat` behind the name. */
const statOf = (pid: number | "self"): ReadonlyArray<number> =>
  proc(`${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ")
    .map(Number)

/** A process and everything below it, now; children of any but a first thread are not seen. */
const family = (root: number): ReadonlyArray<number> => {
  const members = [root]
  for (const pid of members) members.push(...proc(`${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number))
  return members
}

/** Processor time so far of a process, of everything below it, and of the children that these have waited for: in hundredths of a second. */
export const cpuTicks = (root: number): number =>
  family(root)
    .map((pid) => statOf(pid).slice(11, 15))
    .reduce((sum, times) => sum + times.reduce((a, b) => a + b, 0), 0)

/** The same in seconds. */
export const cpuSeconds = (root: number): number => cpuTicks(root) / TICKS_PER_SECOND

/** Processor seconds of every process that this one has started and waited for, children of theirs too. */
export const cpuOfChildren = (): number => {
  const [user = 0, system = 0] = statOf("self").slice(13, 15)
  return (user + system) / TICKS_PER_SECOND
}

/** Processor seconds of the threads a process has now, to the nanosecond: for those that do next to nothing. */
export const fineCpuSeconds = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(proc(`${pid}/task/${thread}/schedstat`).split(" ")[0]))
    .reduce((sum, nanos) => sum + nanos, 0) / 1e9

/** The most that one process ever had resident, in bytes, as its `/proc/PID/status` says. */
export const peakIn = (status: string): number | undefined => {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? undefined : KIB * Number(kib)
}

/** The same of a process that runs: the kernel keeps it as long as it lives. */
export const peakOf = (pid: number): number => peakIn(proc(`${pid}/status`)) ?? 0

/** What it has resident now, in bytes. */
export const residentOf = (pid: number): number => PAGE_BYTES * Number(proc(`${pid}/statm`).split(" ")[1] ?? 0)

export type Processes = "one" | "several"

const SAMPLE_MILLIS = 25

/**
 * Watches a process that will end, or a family. `stop` gives what it had resident at most, in bytes: of one process as the kernel kept
 * it (what it took in its last 25 ms may be missing), of several the largest sum that was seen.
 */
export const watchPeak = (root: number, processes: Processes) => {
  let peak = 0
  const look = (): void => {
    const now = processes === "one" ? peakOf(root) : family(root).reduce((sum, pid) => sum + residentOf(pid), 0)
    peak = Math.max(peak, now)
  }
  const timer = setInterval(look, SAMPLE_MILLIS)
  return {
    stop: (): number => {
      look()
      clearInterval(timer)
      return peak
    }
  }
}

/** Bytes that went over loopback so far, if nobody else's do: in a network namespace of our own. */
export const wireBytes = (): number | undefined => {
  const lines = proc("self/net/dev").split("\n").slice(2).filter(Boolean)
  const [name, ...counts] = lines[0]?.trim().split(/[:\s]+/) ?? []
  return lines.length === 1 && name === "lo" ? Number(counts[0]) : undefined
}
