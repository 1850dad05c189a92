/** Stand-ins for the tools of systemd, and our programs under their names, in a directory of their own for the `PATH`. */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { RECEIVER, SHIPPER } from "./shipperBox.ts"

const script = (file: string, body: string): void => {
  // A new file, renamed into its place: one that is just running cannot be written to.
  fs.writeFileSync(`${file}.new`, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  fs.renameSync(`${file}.new`, file)
}

/** What `systemctl show` says of a unit that is as it should be. */
export const WELL = {
  LoadState: "loaded",
  ActiveState: "active",
  SubState: "running",
  UnitFileState: "enabled",
  Result: "success",
  NRestarts: "0"
} as const

const shown = (unit: Readonly<Record<string, string>>): string =>
  Object.entries(unit)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n")

export const makeFakeTools = (home: string) => {
  const directory = join(home, "bin")
  fs.mkdirSync(directory, { recursive: true })
  const tool = (name: string) => join(directory, name)
  const asked = tool("asked")

  /** A tool that says this, once it has noted how it was asked. */
  const says = (name: string, stdout: string, options: { stderr?: string; code?: number } = {}): void => {
    const out = tool(`${name}.out`)
    const err = tool(`${name}.err`)
    fs.writeFileSync(out, stdout)
    fs.writeFileSync(err, options.stderr ?? "")
    script(tool(name), `echo ${name} "$@" >>'${asked}'\ncat '${out}'\ncat '${err}' >&2\nexit ${options.code ?? 0}`)
  }

  for (const [name, file] of [
    ["cis490-shipper", SHIPPER],
    ["cis490-receiver", RECEIVER]
  ] as const) {
    script(tool(name), `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${file}' "$@"`)
  }
  script(tool("sudo"), 'exec "$@"')

  const fake = {
    directory,
    path: `${directory}:${process.env.PATH}`,
    says,
    unit: (over: Readonly<Record<string, string>> = {}): void => says("systemctl", `${shown({ ...WELL, ...over })}\n`),
    journal: (...lines: ReadonlyArray<string>): void => says("journalctl", lines.map((line) => `${line}\n`).join("")),
    /** It never answers, and minds no signal but the last. */
    hangs: (name: string): void =>
      script(tool(name), `trap '' TERM\necho $$ >'${tool(name)}.pid'\nwhile :; do sleep 0.1; done`),
    /** The pid of one that hangs, once it does. */
    hanging: (name: string): number | undefined => {
      const file = tool(`${name}.pid`)
      const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""
      return text.endsWith("\n") ? Number(text) : undefined
    },
    /** How the tools were asked. */
    asked: (): string => (fs.existsSync(asked) ? fs.readFileSync(asked, "utf8") : ""),
    /** Runs a command as a person would paste it. */
    paste: (command: string): Promise<{ readonly code: number; readonly said: string }> =>
      new Promise((resolve) =>
        execFile(
          "/bin/sh",
          ["-c", command],
          { env: { PATH: `${directory}:${process.env.PATH}`, HOME: "/nonexistent" } },
          (error, stdout, stderr) =>
            resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: stdout + stderr })
        )
      )
  }
  fake.unit()
  fake.journal()
  return fake
}
export type FakeTools = ReturnType<typeof makeFakeTools>
