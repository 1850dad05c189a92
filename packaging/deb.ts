/** One Debian package from the files of a program, by dpkg-deb. */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { debianChangelog, MAINTAINER } from "./changelog.ts"
import { epoch, read } from "./checkout.ts"
import { copyright } from "./copyright.ts"
import { gzip } from "./files.ts"
import type { Program } from "./programs.ts"
import { type File, writeTree } from "./tree.ts"

/** What the published Node is linked against (a test holds it against the binary), and what makes users and directories. */
const DEPENDS = ["libatomic1", "libc6 (>= 2.28)", "libgcc-s1", "libstdc++6 (>= 6)", "systemd"]

const wrapped = (text: string): string => text.replaceAll(/(.{1,76})(?:\s+|$)/g, " $1\n").trimEnd()

const control = (program: Program, architecture: string, debianVersion: string, files: ReadonlyArray<File>): string =>
  [
    `Package: ${program.name}`,
    `Version: ${debianVersion}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${Math.ceil(files.reduce((sum, file) => sum + sizeOf(file), 0) / 1024)}`,
    `Depends: ${DEPENDS.join(", ")}`,
    ...(program.recommends.length === 0 ? [] : [`Recommends: ${program.recommends.join(", ")}`]),
    "Section: net",
    "Priority: optional",
    `Description: ${program.summary}`,
    wrapped(program.about),
    ""
  ].join("\n")

const sizeOf = (file: File): number => ("text" in file ? Buffer.byteLength(file.text) : lstatSync(file.copyOf).size)

const md5 = (file: File): string =>
  createHash("md5")
    .update("text" in file ? file.text : readFileSync(file.copyOf))
    .digest("hex")

const md5sums = (files: ReadonlyArray<File>): string =>
  files
    .map((file) => `${md5(file)}  ${file.path.slice(1)}\n`)
    .toSorted((a, b) => (a.slice(34) < b.slice(34) ? -1 : 1))
    .join("")

/** The script with what it must know of the program above it. */
const script = (program: Program, name: string): File => {
  const told = {
    PROGRAM: program.name,
    CONFIG: program.config,
    FIRST_OF_ALL: program.firstOfAll,
    STATE: program.state,
    DEAR: program.dear.join(" "),
    BEFORE_RESTART: program.beforeRestart ?? ""
  }
  const [shebang = "", ...body] = read(`packaging/debian/${name}.sh`).split("\n")
  const used = Object.entries(told).filter(([key]) => body.join("\n").includes(`$${key}`))
  const lines = used.map(([key, value]) => `${key}='${value}'`)
  return { path: `/DEBIAN/${name}`, text: [shebang, ...lines, ...body].join("\n"), executable: true }
}

export interface Ingredients {
  readonly program: Program
  /** Debian's name of it. */
  readonly architecture: string
  readonly debianVersion: string
  readonly files: ReadonlyArray<File>
  /** Folders of the npm packages in the bundle. */
  readonly packages: ReadonlyArray<string>
  readonly nodeLicense: string
}

const documents = ({ debianVersion, nodeLicense, packages, program }: Ingredients): ReadonlyArray<File> => {
  const { name } = program
  const doc = `/usr/share/doc/${name}`
  return [
    { path: `${doc}/copyright`, text: copyright(packages, readFileSync(nodeLicense, "utf8")) },
    { path: `${doc}/changelog.gz`, text: gzip(read("CHANGELOG.md")) },
    { path: `${doc}/changelog.Debian.gz`, text: gzip(debianChangelog(name, debianVersion)) },
    {
      path: `/usr/share/lintian/overrides/${name}`,
      text: read("packaging/debian/lintian-overrides").replaceAll("@PROGRAM@", name)
    }
  ]
}

/** Writes the package into `folder`; its path. */
export const writeDeb = async (ingredients: Ingredients, folder: string): Promise<string> => {
  const { architecture, debianVersion, program } = ingredients
  const files = [...ingredients.files, ...documents(ingredients)]
  const tree = mkdtempSync(join(tmpdir(), "cis490-deb-"))
  try {
    writeTree(tree, [
      ...files,
      { path: "/DEBIAN/control", text: control(program, architecture, debianVersion, files) },
      { path: "/DEBIAN/md5sums", text: md5sums(files) },
      ...["postinst", "prerm", "postrm"].map((name) => script(program, name))
    ])
    mkdirSync(folder, { recursive: true })
    const target = join(folder, `${program.name}_${debianVersion}_${architecture}.deb`)
    // Nearly all of it is Node, which the higher levels make hardly smaller, in twice the time.
    const options = ["-Zxz", "-z0", "--root-owner-group", "--build", tree, target]
    await promisify(execFile)("dpkg-deb", options, { env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) } })
    return target
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}
