/** What was measured on. */
import { readFileSync } from "node:fs"
import { cpus, release, tmpdir, totalmem } from "node:os"
import type { Machine } from "./results.ts"

/** The type of the filesystem under a directory, by the longest mount point above it. */
const filesystemOf = (path: string): string => {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, point = "?"]) => path === point || path.startsWith(point === "/" ? "/" : `${point}/`))
    .toSorted(([, a = ""], [, b = ""]) => a.length - b.length)
  return mounts.at(-1)?.[2] ?? "unknown"
}

const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  kernel: release().replace(/-.*/, ""),
  filesystem: filesystemOf(tmpdir()),
  node: process.versions.node
})

export const measuredNow = () => ({ date: new Date().toISOString(), machine: machine() })
