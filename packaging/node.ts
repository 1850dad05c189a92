/** The pinned Node for an architecture: as `npm ci` installed it, or fetched and held against the lockfile. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CHECKOUT, read } from "./checkout.ts"

export interface NodeFiles {
  readonly binary: string
  readonly license: string
}

const filesIn = (folder: string): NodeFiles => ({
  binary: join(folder, "bin/node"),
  license: join(folder, "LICENSE")
})

const locked = (packageName: string): { readonly version: string; readonly integrity: string } => {
  const { integrity, version } = JSON.parse(read("package-lock.json")).packages[`node_modules/${packageName}`]
  return { version, integrity }
}

/** `folder` is emptied of what was in it. */
const fetchInto = (packageName: string, folder: string): NodeFiles => {
  const { integrity, version } = locked(packageName)
  const [algorithm = "", expected] = integrity.split(/-(.*)/s)
  const scratch = mkdtempSync(join(tmpdir(), "cis490-node-"))
  try {
    const packed = execFileSync(
      "npm",
      ["pack", "--silent", "--pack-destination", scratch, `${packageName}@${version}`],
      {
        cwd: CHECKOUT,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"]
      }
    )
    const archive = join(scratch, packed.trim().split("\n").at(-1) ?? "")
    const found = createHash(algorithm).update(readFileSync(archive)).digest("base64")
    if (found !== expected)
      throw new Error(`${packageName}@${version} is not what package-lock.json says: ${algorithm}-${found}`)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const members = ["package/bin/node", "package/LICENSE"]
    execFileSync("tar", ["-xzf", archive, "-C", folder, "--strip-components=1", "--no-same-owner", ...members])
    return filesIn(folder)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** `scratch` takes what has to be fetched. */
export const nodeFor = (packageName: string, scratch: string): NodeFiles => {
  const installed = join(CHECKOUT, "node_modules", packageName)
  const { version } = locked(packageName)
  const found = join(installed, "package.json")
  const fits = existsSync(found) && JSON.parse(readFileSync(found, "utf8")).version === version
  return fits ? filesIn(installed) : fetchInto(packageName, join(scratch, packageName))
}
