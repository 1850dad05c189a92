/** The Debian packages: what is in them, what lintian says, and that the program in them needs nothing but what they ask for. */
import { execFile } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../../packaging/bundle.ts"
import type { CommandHelp } from "../../packaging/man/help.ts"
import { tableName } from "../../packaging/man/settingsPage.ts"
import { programs } from "../../packaging/programs.ts"
import { isTable, settingRows } from "../../src/domain/settingRow.ts"
import { version } from "../../src/domain/version.ts"
import { bash, needTools, printed } from "../support/tools.ts"

const CHECKOUT = join(import.meta.dirname, "../..")
/** Node is large: to compress it, and to look for spelling mistakes in it, takes a while. */
const BUILDING = 900_000
const ARCHITECTURES = { amd64: 62, arm64: 183 }
const HERE = process.arch === "x64" ? "amd64" : "arm64"

/** Which package has each library that Node is linked against. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "libatomic.so.1": "libatomic1",
  "libc.so.6": "libc6",
  "libdl.so.2": "libc6",
  "libm.so.6": "libc6",
  "libpthread.so.0": "libc6",
  "ld-linux-x86-64.so.2": "libc6",
  "ld-linux-aarch64.so.1": "libc6",
  "libgcc_s.so.1": "libgcc-s1",
  "libstdc++.so.6": "libstdc++6"
}

let made = ""
/** The moment that the packages are made at, whatever is committed meanwhile. */
const SOURCE_DATE_EPOCH = "1767225600"

/** With the environment as it is: it may say where npm finds the other architecture's Node. */
const build = async (folder: string, ...args: ReadonlyArray<string>): Promise<void> => {
  const all = ["packaging/package.ts", "--out", folder, ...args]
  await promisify(execFile)(process.execPath, all, { cwd: CHECKOUT, env: { ...process.env, SOURCE_DATE_EPOCH } })
}

const debOf = (name: string, architecture: string): string => join(made, `${name}_${version}-1_${architecture}.deb`)
const treeOf = (name: string, architecture: string): string => join(made, `${name}-${architecture}`)

beforeAll(async () => {
  needTools("dpkg-deb", "lintian", "readelf", "man", "mandoc", "zsh", "fish", "md5sum")
  made = await mkdtemp(join(tmpdir(), "cis490-packages-"))
  await build(made)
  for (const { name } of programs) {
    for (const architecture of Object.keys(ARCHITECTURES)) {
      await printed(made, 'dpkg-deb -R "$1" "$2"', debOf(name, architecture), treeOf(name, architecture))
    }
  }
}, BUILDING)
afterAll(() => rmSync(made, { recursive: true, force: true }))

const each = programs.flatMap((program) =>
  Object.entries(ARCHITECTURES).map(([architecture, machine]) => ({ ...program, architecture, machine }))
)

describe.each(each)("$name for $architecture", ({ architecture, config, machine, name }) => {
  const deb = () => debOf(name, architecture)
  const tree = (path: string) => join(treeOf(name, architecture), path)

  it("has a place for everything, all of it root's", async () => {
    const listed = await printed(made, 'dpkg-deb -c "$1"', deb())
    const lines = listed.trim().split("\n")
    expect(lines.filter((line) => !line.includes(" root/root "))).toEqual([])
    const files = lines.filter((line) => !line.startsWith("d")).map((line) => line.split(" ./").at(-1))
    expect(files.toSorted()).toEqual(
      [
        `lib/systemd/system/${name}.service`,
        `usr/bin/${name}`,
        `usr/lib/${name}/${name}.cjs`,
        `usr/lib/${name}/node`,
        `usr/lib/sysusers.d/${name}.conf`,
        `usr/lib/tmpfiles.d/${name}.conf`,
        `usr/share/${name}/${config}`,
        `usr/share/${name}/${config}.example`,
        `usr/share/bash-completion/completions/${name}`,
        `usr/share/doc/${name}/changelog.Debian.gz`,
        `usr/share/doc/${name}/changelog.gz`,
        `usr/share/doc/${name}/copyright`,
        `usr/share/fish/vendor_completions.d/${name}.fish`,
        `usr/share/lintian/overrides/${name}`,
        `usr/share/man/man1/${name}.1.gz`,
        `usr/share/man/man5/${config}.5.gz`,
        `usr/share/zsh/vendor-completions/_${name}`
      ].toSorted()
    )
  })

  it("has the sums of its files", async () => {
    expect((await bash(treeOf(name, architecture), "md5sum --quiet --check DEBIAN/md5sums")).code).toBe(0)
  })

  it("carries the Node of its architecture and asks for every library that is linked to it", async () => {
    const node = tree(`usr/lib/${name}/node`)
    expect(readFileSync(node).readUInt16LE(18)).toBe(machine)
    const needed = await printed(made, `readelf -d "$1" | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p'`, node)
    const packages = needed
      .trim()
      .split("\n")
      .map((library) => LIBRARIES[library] ?? library)
    const depends = await printed(made, 'dpkg-deb -f "$1" Depends', deb())
    const asked = depends
      .trim()
      .split(", ")
      .map((one) => one.replace(/ .*/, ""))
    expect(asked).toEqual(expect.arrayContaining(packages))
  })
})

describe.each(programs)("$name", (program) => {
  const { config, firstOfAll, help, name, settings } = program
  const tree = (path: string) => join(treeOf(name, HERE), path)
  const page = (file: string) =>
    printed(made, 'LC_ALL=C.UTF-8 MANWIDTH=400 man -l "$1" | LC_ALL=C.UTF-8 col -bx', tree(`usr/share/man/${file}.gz`))

  it(
    "gives lintian nothing to say but what is overridden, with a reason above it",
    async () => {
      const judge = 'lintian --allow-root -E -I --pedantic --tag-display-limit 0 "$1" 2>&1'
      expect(await bash(made, judge, debOf(name, HERE))).toMatchObject({ code: 0, stdout: "" })
      expect(readFileSync(tree(`usr/share/lintian/overrides/${name}`), "utf8")).toMatch(/^#/)
    },
    BUILDING
  )

  it("runs with its own Node, without any other on the machine", async () => {
    const program = tree(`usr/lib/${name}/${name}.cjs`)
    const alone = 'env -i PATH=/nonexistent "$1" "$2" --help 2>&1'
    const said = await printed(made, alone, tree(`usr/lib/${name}/node`), program)
    expect(said).toContain(`${name} <subcommand>`)
    expect(readFileSync(tree(`usr/bin/${name}`), "utf8")).toBe(
      `#!/bin/sh\nexec /usr/lib/${name}/node /usr/lib/${name}/${name}.cjs "$@"\n`
    )
  })

  it("is what npm run build makes", async () => {
    const built = readFileSync(join(CHECKOUT, "dist", `${name}.cjs`), "utf8")
    expect((await bundle(name)).code === built.replace(/^#!.*\n/, "")).toBe(true)
  })

  it("begins with a configuration that says what is missing, not with somebody else's name", async () => {
    const first = readFileSync(tree(`usr/share/${name}/${config}`), "utf8")
    expect(first.split("\n").filter((line) => /^[a-z]/.test(line))).toEqual([])
    const postinst = readFileSync(tree("DEBIAN/postinst"), "utf8")
    expect(postinst).toContain(`FIRST_OF_ALL='${firstOfAll}'`)
  })

  it("has a page for every command and every flag", async () => {
    const text = await page(`man1/${name}.1`)
    const everything = (command: CommandHelp): ReadonlyArray<CommandHelp> => [
      command,
      ...command.subcommands.flatMap(everything)
    ]
    const all = everything(await Effect.runPromise(help))
    expect(all.length).toBeGreaterThan(3)
    for (const { doc, subcommands } of all) {
      if (subcommands.length === 0) expect(text).toContain((doc.commandPath ?? []).join(" "))
      for (const flag of doc.flags) expect(text).toContain(`--${flag.name}`)
    }
    for (const status of ["0", "1", "2"]) expect(text).toMatch(new RegExp(`^ +${status} +\\S`, "m"))
  })

  it("has a page with every key of its configuration, its default and its variable", async () => {
    const text = await page(`man5/${config}.5`)
    for (const row of settingRows(settings)) {
      expect(text).toContain(isTable(row) ? tableName(row) : row.key)
      expect(text).toContain(row.doc)
      if (row.variable !== undefined) expect(text).toContain(`In the environment: ${row.variable}.`)
      if (row.presence === "defaulted" && !isTable(row) && !String(row.default).includes("\n")) {
        expect(text).toContain(`Default: ${JSON.stringify(row.default)}.`)
      }
    }
  })

  it("has pages that are set without a warning", async () => {
    const set = '{ man --warnings -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null; zcat "$1" | mandoc -T lint -W warning; } 2>&1'
    for (const file of [`man1/${name}.1`, `man5/${config}.5`]) {
      expect(await printed(made, set, tree(`usr/share/man/${file}.gz`))).toBe("")
    }
  })

  it("is completed by bash, zsh and fish", async () => {
    const script = `
      source "$1"
      complete -p "$2" > /dev/null
      COMP_WORDS=("$2" doc) COMP_CWORD=1 COMP_LINE="$2 doc" COMP_POINT=\${#COMP_LINE}
      $(complete -p "$2" | sed 's/.*-F \\([^ ]*\\) .*/\\1/') "$2" doc "$2"
      printf '%s\\n' "\${COMPREPLY[@]}"
    `
    const completed = await printed(made, script, tree(`usr/share/bash-completion/completions/${name}`), name)
    expect(completed.trim()).toBe("doctor")
    const read = '{ zsh -n "$1" && fish --no-execute "$2"; } 2>&1'
    const zsh = tree(`usr/share/zsh/vendor-completions/_${name}`)
    const fish = tree(`usr/share/fish/vendor_completions.d/${name}.fish`)
    expect(await printed(made, read, zsh, fish)).toBe("")
  })
})

it(
  "is the same to the byte when it is built again",
  async () => {
    const again = join(made, "again")
    await build(again, "--only", "cis490-shipper", "--arch", HERE)
    await printed(
      made,
      'cmp "$1" "$2"',
      debOf("cis490-shipper", HERE),
      join(again, `cis490-shipper_${version}-1_${HERE}.deb`)
    )
  },
  BUILDING
)
