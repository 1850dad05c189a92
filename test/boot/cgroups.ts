/** Groups of processes of their own, for systemd to rule over (cgroups(7)). */
import * as fs from "node:fs"
import { join } from "node:path"

/** Where systemd keeps its units: the named hierarchy, the unified one, or both. */
export const cgroupMounts = (): ReadonlyArray<string> => {
  const mounts = fs
    .readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
  const ours = mounts.filter(
    ([, , type, options = ""]) =>
      type === "cgroup2" || (type === "cgroup" && options.split(",").includes("name=systemd"))
  )
  return ours.flatMap(([, path]) => (path === undefined ? [] : [path]))
}

/** Removes a group and those below it. What still runs in one of them is an error. */
export const removeCgroup = (path: string): void => {
  if (!fs.existsSync(path)) return
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name))
  }
  fs.rmdirSync(path)
}
