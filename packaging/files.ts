/** Where everything of a program lies on the machine. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import { day, read, version } from "./checkout.ts"
import { commandPage } from "./man/commandPage.ts"
import { settingsPage } from "./man/settingsPage.ts"
import type { NodeFiles } from "./node.ts"
import type { Program } from "./programs.ts"
import type { File } from "./tree.ts"

/** `/usr` belongs to the packages, `/usr/local` to whoever looks after the machine. */
export type Prefix = "/usr" | "/usr/local"

const unitsIn = (prefix: Prefix): string => (prefix === "/usr" ? "/lib" : `${prefix}/lib`)

const zshIn = (prefix: Prefix): string =>
  `${prefix}/share/zsh/${prefix === "/usr" ? "vendor-completions" : "site-functions"}`

/** Without a moment in it, so that the same text makes the same file. */
export const gzip = (text: string): Uint8Array => gzipSync(text, { level: 9 })

const launcher = (library: string, name: string): string =>
  `#!/bin/sh\nexec ${library}/node ${library}/${name}.cjs "$@"\n`

const completions = (name: string, prefix: Prefix, code: string): ReadonlyArray<File> => {
  const scratch = mkdtempSync(join(tmpdir(), "cis490-completions-"))
  try {
    const program = join(scratch, "program.cjs")
    writeFileSync(program, code)
    const script = (shell: string): string => {
      const { status, stderr, stdout } = spawnSync(process.execPath, [program, "--completions", shell], {
        encoding: "utf8"
      })
      if (status !== 0) throw new Error(`${name} --completions ${shell}: ${stderr}`)
      return stdout
    }
    return [
      { path: `${prefix}/share/bash-completion/completions/${name}`, text: script("bash") },
      { path: `${zshIn(prefix)}/_${name}`, text: script("zsh") },
      { path: `${prefix}/share/fish/vendor_completions.d/${name}.fish`, text: script("fish") }
    ]
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

interface Page {
  readonly name: string
  readonly text: string
}

export const manPages = (program: Program, prefix: Prefix): Effect.Effect<ReadonlyArray<Page>> =>
  Effect.map(program.help, (help) => {
    const { config, name, settings } = program
    const example = `${prefix}/share/${name}/${config}.example`
    return [
      { name: `${name}.1`, text: commandPage({ ...program, version, date: day }, help) },
      { name: `${config}.5`, text: settingsPage({ program: name, config, example, version, date: day }, settings) }
    ]
  })

/** Of the user that everything runs as. */
const HOME = "/var/lib/cis490"

const users = ({ groups }: Program): string =>
  [
    "# One user for all of CIS490 on this machine; the checkout in /opt/cis490 is this user's too.",
    `u cis490 - "CIS490" ${HOME} /usr/sbin/nologin`,
    ...groups.map((group) => `g ${group} -`),
    ""
  ].join("\n")

const directories = ({ state }: Program): string =>
  [
    "d /etc/cis490 0750 root cis490 -",
    ...[HOME, ...(state.startsWith(`${HOME}/`) ? [] : [state])].map((path) => `d ${path} 0750 cis490 cis490 -`),
    ""
  ].join("\n")

/** A configuration to begin with: what has to be said by a person is switched off, so that no host goes by an example's name. */
export const firstConfig = (example: string): string => example.replaceAll(/^(?=[a-z_]+ = )/gm, "#")

/** Everything of a program but what only a package has. */
export const filesOf = async (
  program: Program,
  prefix: Prefix,
  code: string,
  node: NodeFiles
): Promise<ReadonlyArray<File>> => {
  const { config, name } = program
  const library = `${prefix}/lib/${name}`
  const share = `${prefix}/share`
  const pages = await Effect.runPromise(manPages(program, prefix))
  return [
    { path: `${library}/node`, copyOf: node.binary, executable: true },
    { path: `${library}/${name}.cjs`, text: code },
    { path: `${prefix}/bin/${name}`, text: launcher(library, name), executable: true },
    { path: `${unitsIn(prefix)}/systemd/system/${name}.service`, text: read(`etc/${name}.service`) },
    { path: `${prefix}/lib/sysusers.d/${name}.conf`, text: users(program) },
    { path: `${prefix}/lib/tmpfiles.d/${name}.conf`, text: directories(program) },
    { path: `${share}/${name}/${config}.example`, text: read(`etc/${config}.example`) },
    { path: `${share}/${name}/${config}`, text: firstConfig(read(`etc/${config}.example`)) },
    ...pages.map((page) => ({ path: `${share}/man/man${page.name.at(-1)}/${page.name}.gz`, text: gzip(page.text) })),
    ...completions(name, prefix, code)
  ]
}
