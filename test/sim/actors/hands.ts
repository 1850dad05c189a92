/** What people and recorders do with files: as root, without crash points, whatever room there is. */
import type { Calls, Disk } from "../disk/disk.ts"
import { DiskError } from "../disk/errno.ts"

/** Whether it was done: false where the disk refuses. */
export const attempt = (act: () => void): boolean => {
  try {
    act()
    return true
  } catch (error) {
    if (error instanceof DiskError) return false
    throw error
  }
}

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/"

const writeAll = (
  disk: Calls,
  path: string,
  bytes: Uint8Array,
  mode: number,
  how: "replace" | "append",
  sync: boolean
): void => {
  const file = disk.open(
    path,
    { write: true, create: true, ...(how === "append" ? { append: true } : { truncate: true }) },
    mode
  )
  try {
    if (bytes.length > 0 && disk.write(file, bytes, 0) < bytes.length) throw new DiskError("ENOSPC")
    if (sync) disk.fsync(file)
  } finally {
    disk.close(file)
  }
}

export const writeFile = (disk: Calls, path: string, bytes: Uint8Array, mode = 0o644): void =>
  writeAll(disk, path, bytes, mode, "replace", false)
export const writeFileDurably = (disk: Calls, path: string, bytes: Uint8Array, mode = 0o644): void => {
  writeAll(disk, path, bytes, mode, "replace", true)
  syncPath(disk, parentOf(path))
}
export const appendDurably = (disk: Calls, path: string, bytes: Uint8Array): void =>
  writeAll(disk, path, bytes, 0o644, "append", true)

export const syncPath = (disk: Calls, path: string): void => {
  const file = disk.open(path, { read: true })
  try {
    disk.fsync(file)
  } finally {
    disk.close(file)
  }
}

export const makeDirectories = (disk: Disk, path: string, mode = 0o755): void => {
  if (path === "/" || disk.current().stat(path) !== undefined) return
  makeDirectories(disk, parentOf(path), mode)
  disk.mkdir(path, mode)
  syncPath(disk, parentOf(path))
}

/** `rm -r`, synced. */
export const removeAll = (disk: Disk, path: string): void => {
  const below = (at: string): void => {
    if (disk.lstat(at).type !== "Directory") return disk.unlink(at)
    for (const { name } of disk.readdir(at)) below(`${at}/${name}`)
    return disk.rmdir(at)
  }
  below(path)
  syncPath(disk, parentOf(path))
}
