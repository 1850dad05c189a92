/** What the checkout says about itself. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"

export const CHECKOUT = join(import.meta.dirname, "..")

export const read = (path: string): string => readFileSync(join(CHECKOUT, path), "utf8")

export const version: string = JSON.parse(read("package.json")).version

const committed = (): string =>
  execFileSync("git", ["-c", "safe.directory=*", "-C", CHECKOUT, "log", "-1", "--format=%ct"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  })

const madeAt = (): number => {
  const given = process.env["SOURCE_DATE_EPOCH"]
  if (given !== undefined) return Number(given)
  try {
    return Number(committed())
  } catch {
    // An unpacked archive has no history; one day is as good as another, as long as it is the same one.
    return Date.UTC(2026, 0, 1) / 1000
  }
}

/** When this version was made (Unix seconds): what is built twice from it is the same to the byte. */
export const epoch: number = madeAt()

/** YYYY-MM-DD. */
export const day: string = new Date(epoch * 1000).toISOString().slice(0, 10)
