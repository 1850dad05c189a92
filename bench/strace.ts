/** Which files a program syncs, by strace. */
import { spawnSync } from "node:child_process"
import type { Sync } from "./results.ts"

export const straceMissing = (): string | undefined =>
  spawnSync("strace", ["-V"]).status === 0 ? undefined : "needs strace"

/** What keeps data on the disk. */
const CALLS = "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync"
/** `-y` tells the path of each descriptor. */
export const straced = (log: string): ReadonlyArray<string> =>
  `strace --seccomp-bpf -f -y -qq -e ${CALLS} -o`.split(" ").concat(log)

const CALL = /(fsync|fdatasync|sync_file_range|syncfs|sync|msync)\((?:\d+<([^>]*)>)?/

/** The calls a log tells of, how often each; `plain` turns a path into what is said of it. */
export const syncsIn = (log: string, plain: (path: string) => string): ReadonlyArray<Sync> => {
  const found = log.split("\n").flatMap((line) => {
    const [, call, path] = CALL.exec(line) ?? []
    return call === undefined || line.includes("resumed>") ? [] : [{ call, file: plain(path ?? "?") }]
  })
  return [...Map.groupBy(found, ({ call, file }) => `${file} ${call}`).values()]
    .map((same) => ({ call: same[0]?.call ?? "", file: same[0]?.file ?? "", times: same.length }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
}

/** What `more` has that `less` has not. */
export const beyond = (more: ReadonlyArray<Sync>, less: ReadonlyArray<Sync>): ReadonlyArray<Sync> =>
  more
    .map((each) => {
      const same = less.find(({ call, file }) => call === each.call && file === each.file)
      return { ...each, times: each.times - (same?.times ?? 0) }
    })
    .filter(({ times }) => times > 0)
