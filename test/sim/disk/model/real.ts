/** Calls of the real system, as plain as Node lets them be. */
import * as fs from "node:fs"
import type { OpenFlags } from "../disk.ts"
import type { Act, World } from "./world.ts"

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants

const numberOf = (flags: OpenFlags): number =>
  (flags.read && flags.write ? O_RDWR : flags.write ? O_WRONLY : O_RDONLY) |
  (flags.append ? O_APPEND : 0) |
  (flags.create ? O_CREAT : 0) |
  (flags.exclusive ? O_EXCL : 0) |
  (flags.truncate ? O_TRUNC : 0) |
  (flags.noFollow ? O_NOFOLLOW : 0)

/** truncate(2) itself: Node's opens the file. */
export const truncatePath = (path: string, size: number): void => {
  const fd = fs.openSync(path, O_WRONLY)
  try {
    fs.ftruncateSync(fd, size)
  } finally {
    fs.closeSync(fd)
  }
}

export const readReal = (fd: number, position: number): string => {
  const bytes = Buffer.alloc(8)
  return bytes.toString("latin1", 0, fs.readSync(fd, bytes, 0, 8, position))
}

export const openBoth = ({ calls, handles, top }: World, path: string, flags: OpenFlags, mode: number): Act => {
  let fd: number | undefined
  return {
    real: () => {
      fd = fs.openSync(`${top}/${path}`, numberOf(flags), mode)
    },
    simulated: () => {
      const file = calls.open(`${top}/${path}`, flags, mode)
      if (fd !== undefined) handles.push({ fd, file })
      else calls.close(file)
    }
  }
}
