/** A filesystem of its own, small enough to fill. */
import { spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const holder = 'mount -t tmpfs -o "size=$2,nr_inodes=$3" tmpfs "$1" && echo mounted && exec cat'

/**
 * Lies in a mount namespace that one process holds open: nobody else sees the mount, and it goes with that process. It is reached
 * through the holder's root in /proc.
 */
export const makeSmallDisk = async (bytes: number, files = 1_000_000) => {
  const mountPoint = mkdtempSync(join(tmpdir(), "cis490-disk-"))
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]
  const child = spawn("unshare", [
    ...asRoot,
    "--mount",
    "sh",
    "-c",
    holder,
    "sh",
    mountPoint,
    String(bytes),
    String(files)
  ])
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve())
    child.once("error", reject)
    child.once("close", () => reject(new Error(`no small filesystem could be mounted: ${said}`)))
  })
  const path = `/proc/${child.pid}/root${mountPoint}`
  const filler = join(path, "filler")
  return {
    path,
    /** Takes all that is free but `leave` bytes. */
    fill: (leave = 0): void => {
      const file = openSync(filler, "a")
      const page = Buffer.alloc(4096)
      try {
        for (;;) writeSync(file, page)
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error
      } finally {
        closeSync(file)
      }
      if (leave > 0) truncateSync(filler, Math.max(0, statSync(filler).size - leave))
    },
    free: (): void => rmSync(filler, { force: true }),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => child.once("close", resolve))
      child.stdin.end()
      await closed
      rmSync(mountPoint, { recursive: true, force: true })
    }
  }
}
