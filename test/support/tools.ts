/** The Debian tools that judge what we write, and that write what we judge. */
import { execFile, spawnSync } from "node:child_process"

const PACKAGES: Readonly<Record<string, string>> = {
  pzstd: "zstd",
  sha256sum: "coreutils",
  find: "findutils",
  diff: "diffutils",
  unshare: "util-linux",
  nsenter: "util-linux",
  dockerd: "docker.io",
  ip: "iproute2",
  busybox: "busybox-static",
  nginx: "nginx-light",
  setpriv: "util-linux"
}

/** A tool that is missing fails the tests: they would say nothing without it. */
export const needTools = (...names: ReadonlyArray<string>): void => {
  const missing = names.filter((name) => spawnSync("sh", ["-c", `command -v "$1"`, "sh", name]).status !== 0)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))]
  throw new Error(`these tests need ${missing.join(", ")}: apt-get install ${packages.join(" ")}`)
}

export interface Said {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a bash script, strict; `$1`, `$2`, … are `args`. Names and bytes are the C locale's, times UTC. */
export const bash = (cwd: string, script: string, ...args: ReadonlyArray<string>): Promise<Said> =>
  new Promise((resolve) =>
    execFile(
      "bash",
      ["-euo", "pipefail", "-c", script, "bash", ...args],
      { cwd, env: { PATH: process.env.PATH, HOME: cwd, LC_ALL: "C", TZ: "UTC" }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr })
    )
  )

/** What a script that must succeed prints. */
export const printed = async (cwd: string, script: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { code, stderr, stdout } = await bash(cwd, script, ...args)
  if (code !== 0) throw new Error(`${script}\nended ${code}: ${stderr}${stdout}`)
  return stdout
}
