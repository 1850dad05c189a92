/** All that can be seen of a tree, and which times have changed since the last look. */
import * as fs from "node:fs"
import type { Calls, Disk } from "../disk.ts"

export const statOf = (stat: fs.Stats) => ({
  directory: stat.isDirectory(),
  link: stat.isSymbolicLink(),
  mode: stat.mode & 0o7777,
  ...(!stat.isDirectory() && { size: stat.size, nlink: stat.nlink })
})

export const simulatedStatOf = (stat: ReturnType<Calls["lstat"]>) => ({
  directory: stat.type === "Directory",
  link: stat.type === "SymbolicLink",
  mode: stat.mode,
  ...(stat.type !== "Directory" && { size: stat.size, nlink: stat.nlink })
})

const LONG_AGO = 1_000_000_000

export const lookReal = (at: string, below = ""): ReadonlyArray<string> => {
  const stat = fs.lstatSync(at)
  const { mtimeMs } = stat
  const seen = JSON.stringify({
    below,
    ...statOf(stat),
    ...(stat.isFile() && { bytes: fs.readFileSync(at, "latin1") }),
    ...(stat.isSymbolicLink() && { target: fs.readlinkSync(at) }),
    changed: mtimeMs !== LONG_AGO * 1000
  })
  const names = stat.isDirectory() ? fs.readdirSync(at).toSorted() : []
  const all = [seen, ...names.flatMap((name) => lookReal(`${at}/${name}`, `${below}/${name}`))]
  fs.lutimesSync(at, LONG_AGO, LONG_AGO)
  return all
}

export const lookSimulated = (disk: Disk, at: string, below = ""): ReadonlyArray<string> => {
  const stat = disk.lstat(at)
  const seen = JSON.stringify({
    below,
    ...simulatedStatOf(stat),
    ...(stat.type === "File" && { bytes: Buffer.from(disk.current().read(at) ?? []).toString("latin1") }),
    ...(stat.type === "SymbolicLink" && { target: disk.readlink(at) }),
    changed: stat.mtimeNs !== BigInt(LONG_AGO) * 1_000_000_000n
  })
  const names =
    stat.type === "Directory"
      ? disk
          .readdir(at)
          .map(({ name }) => name)
          .toSorted()
      : []
  const all = [seen, ...names.flatMap((name) => lookSimulated(disk, `${at}/${name}`, `${below}/${name}`))]
  if (stat.type !== "SymbolicLink") disk.utimes(at, 0n, BigInt(LONG_AGO) * 1_000_000_000n)
  return all
}

/** A link's own time cannot be set on the simulated disk. */
export const withoutLinkTimes = (seen: string): string =>
  seen.includes('"link":true') ? seen.replace(/"changed":\w+/, "") : seen
