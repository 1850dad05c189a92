/** The Debian packages of what is in the checkout, and a Debian that has them installed. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { needTools } from "../support/tools.ts"
import { CACHE, debianRoot } from "./debian.ts"

const CHECKOUT = join(import.meta.dirname, "../..")
const PROGRAMS = ["cis490-shipper", "cis490-receiver"]

const filesBelow = (path: string): ReadonlyArray<string> =>
  fs
    .readdirSync(join(CHECKOUT, path), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()

/** What goes into the packages, by its content: the built programs, their units and examples, the packaging itself. */
const fingerprint = (): string => {
  const hash = createHash("sha256").update(process.version)
  const sources = ["packaging", "etc"].flatMap(filesBelow)
  const built = PROGRAMS.map((program) => join(CHECKOUT, "dist", `${program}.cjs`))
  for (const file of [...sources, ...built]) hash.update(file.slice(CHECKOUT.length)).update(fs.readFileSync(file))
  return hash.digest("hex")
}

/** A directory that is made by one process at a time, whole or not at all; what it replaces goes. */
const made = (kind: string, script: string, ...args: ReadonlyArray<string>): string => {
  const key = createHash("sha256")
    .update([fingerprint(), script, ...args].join("\n"))
    .digest("hex")
    .slice(0, 12)
  const path = join(CACHE, `${kind}-${key}`)
  const whole = `
    path=$1 kind=$2; shift 2
    test ! -d "$path" || exit 0
    rm -rf "\${path%/*}/$kind-"*
    mkdir "$path.new"
    cd "$path.new"
    ${script}
    mv "$path.new" "$path"
  `
  const command = ["bash", "-euo", "pipefail", "-c", whole, "bash", path, kind, ...args]
  execFileSync("flock", [join(CACHE, `${kind}.lock`), ...command], { stdio: ["ignore", "ignore", "pipe"] })
  return path
}

/** Paths of packages as they are built now; `next` is a newer revision of the shipper's. */
export const packages = () => {
  needTools("dpkg-deb", "flock")
  fs.mkdirSync(CACHE, { recursive: true })
  const script = `
    make() { "$1" "$2"/packaging/package.ts --arch "$(dpkg --print-architecture)" --out . "\${@:3}" >&2; }
    make "$1" "$2" --only cis490-shipper --only cis490-receiver
    make "$1" "$2" --only cis490-shipper --revision 2
  `
  const directory = made("packages", script, process.execPath, CHECKOUT)
  const all = fs.readdirSync(directory).map((name) => join(directory, name))
  const next = all.find((path) => path.includes("-2_"))
  if (next === undefined) throw new Error(`${directory} lacks the newer revision: remove it`)
  return { first: all.filter((path) => path !== next).toSorted(), next }
}

/** The path of a root that nobody may change: Debian, with the first revision installed. */
export const installedRoot = (): string => {
  const debian = debianRoot()
  const { first } = packages()
  // The same Node in both packages is one file on this disk.
  const script = `
    cp --archive --reflink=auto "$1"/. .
    shift
    mkdir packages
    cp "$@" packages/
    unshare --fork --pid --mount sh -euc 'mount -t proc proc proc && chroot . sh -c "dpkg --install packages/*.deb"' >&2
    rm -r packages
    ln -f usr/lib/cis490-shipper/node usr/lib/cis490-receiver/node
  `
  return made("installed", script, debian, ...first)
}
