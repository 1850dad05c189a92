/**
 * Where the episodes of a measurement lie. Many small files go only at the very end: for minutes ext4 looks at every inode that was given
 * back before it gives out another one (`recently_deleted`), and one run would pay for the one before.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const SHARED = "BENCH_PLACE"

const makeOwn = (): string => {
  const path = mkdtempSync(join(tmpdir(), "cis490-bench-"))
  process.once("exit", () => rmSync(path, { recursive: true, force: true }))
  process.once("SIGINT", () => process.exit(130))
  process.once("SIGTERM", () => process.exit(143))
  return path
}

/** For programs started from here, which then leave their files to this one's end. */
export const sharedPlace = (): Readonly<Record<string, string>> => ({ [SHARED]: makeOwn() })

/** A directory for this program, below TMPDIR; it goes when the measuring ends. */
export const makePlace = (name: string): string => {
  const path = join(process.env[SHARED] ?? makeOwn(), name)
  mkdirSync(path, { recursive: true })
  return path
}

/** What was written is on the disk and nothing is left to be done for it. */
export const settle = (): void => void spawnSync("sync")
