/** A freshly made Debian 12 to boot, from the mirror that this machine uses itself. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { needTools } from "../support/tools.ts"

const RELEASE = "bookworm"

/** What an operator's machine has, and what the tests do to it. */
const PACKAGES = [
  "ca-certificates",
  "curl",
  "dbus",
  "faketime",
  "git",
  "iproute2",
  "libatomic1",
  "libnss-systemd",
  "man-db",
  "openssl",
  "procps",
  "sudo",
  "systemd",
  "systemd-sysv",
  "systemd-timesyncd",
  "zstd"
]

export const CACHE = join(homedir(), ".cache/cis490-test")

/** The first mirror of apt's that has the release; debootstrap's own where apt says none. */
const mirror = (): ReadonlyArray<string> => {
  const targets = execFileSync("apt-get", ["indextargets", "--format", "$(CODENAME) $(SITE)"], { encoding: "utf8" })
  const line = targets.split("\n").find((each) => each.startsWith(`${RELEASE} `))
  return line === undefined ? [] : [line.slice(RELEASE.length + 1)]
}

/** Whole or not at all: made beside its place, and moved there. */
const MAKE = `
  root=$1 release=$2 packages=$3; shift 3
  test ! -d "$root" || exit 0
  rm -rf "$root".new
  debootstrap --variant=minbase --include="$packages" "$release" "$root".new "$@" > "$root".log 2>&1 || { tail -n 20 "$root".log >&2; exit 1; }
  rm -rf "$root".new/var/cache/apt/archives/*.deb "$root".new/var/lib/apt/lists/*_*
  truncate -s 0 "$root".new/etc/machine-id
  rm -f "$root".new/etc/resolv.conf
  echo lab-01 > "$root".new/etc/hostname
  echo "127.0.0.1 localhost lab-01 collector.wg" > "$root".new/etc/hosts
  sync
  mv "$root".new "$root"
`

/** The path of a root nobody may change; made once per list of packages, by one process at a time. */
export const debianRoot = (): string => {
  needTools("debootstrap", "flock", "apt-get")
  const key = createHash("sha256")
    .update([MAKE, RELEASE, ...PACKAGES].join("\n"))
    .digest("hex")
    .slice(0, 12)
  const root = join(CACHE, `${RELEASE}-${key}`)
  fs.mkdirSync(CACHE, { recursive: true })
  const script = ["bash", "-euc", MAKE, "bash", root, RELEASE, PACKAGES.join(","), ...mirror()]
  execFileSync("flock", [join(CACHE, "lock"), ...script], { stdio: ["ignore", "ignore", "inherit"] })
  return root
}
