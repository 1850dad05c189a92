/** Files of the framework-free pair: the calls of `node:fs` with callbacks, which cost less than its promises. */
import { close, fdatasync, fsync, link, mkdir, open, readdir, readFile, rename, unlink, write, writev } from "node:fs"
import { promisify } from "node:util"

export const files = {
  close: promisify(close),
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
  link: promisify(link),
  mkdir: promisify(mkdir),
  open: promisify(open),
  readFile: promisify(readFile),
  readdir: promisify(readdir),
  rename: promisify(rename),
  unlink: promisify(unlink),
  write: promisify(write),
  writev: promisify(writev)
}

/** One sync for everybody who asked for it while the last one ran. */
export const groupSync = (descriptor: number) => {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = (): Promise<void> => {
    running = files.fsync(descriptor).finally(() => {
      running = undefined
    })
    return running
  }
  return (): Promise<void> => {
    if (running === undefined) return run()
    next ??= running.then(() => {
      next = undefined
      return run()
    })
    return next
  }
}

/** Writes a new file, synced. */
export const writeNew = async (path: string, bytes: Uint8Array): Promise<void> => {
  const descriptor = await files.open(path, "w", 0o600)
  await files.write(descriptor, bytes)
  await files.fdatasync(descriptor)
  await files.close(descriptor)
}
