/** A machine that boots systemd: a container of systemd-nspawn(1), with no network but its own loopback. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { needTools, type Said } from "../support/tools.ts"
import { cgroupMounts, removeCgroup } from "./cgroups.ts"

const BOOT_MILLIS = 60_000
const END_MILLIS = 20_000
const POLL_MILLIS = 50
const LARGEST_OUTPUT = 64 * 1024 * 1024

/** The shell leaves for groups of its own and becomes the container's keeper, which ends when we do. */
const START = `
  name=$1 root=$2; shift 2
  for mount in "$@"; do
    mkdir "$mount/$name"
    echo $$ > "$mount/$name/cgroup.procs"
  done
  exec systemd-nspawn --boot --register=no --keep-unit --private-network --directory="$root" --machine="$name" \\
    --link-journal=no --settings=no --timezone=off --resolv-conf=off --console=pipe --quiet
`

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** What becomes true soon, or the test fails with these words. */
export const eventually = async <A>(
  what: string,
  look: () => A | undefined | false | Promise<A | undefined | false>,
  millis = 30_000
): Promise<A> => {
  const until = performance.now() + millis
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > until) throw new Error(`not within ${millis / 1000} s: ${what}`)
    await pause(POLL_MILLIS)
  }
}

const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** What a process has for `/`, as it is called from outside. */
const rootOf = (pid: number): string => `/proc/${pid}/root`

/** The container's first process, once it takes commands. */
const leaderOf = (keeper: number): number | undefined =>
  childrenOf(keeper).find((pid) => fs.existsSync(`${rootOf(pid)}/run/systemd/private`))

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/** Runs a bash script as root in the container, strict; `$1`, `$2`, … are `args`. */
const runIn = (leader: number, script: string, args: ReadonlyArray<string>): Promise<Said> =>
  new Promise((resolve) => {
    const inside = ["--target", String(leader), "--all", "--"]
    const clean = ["env", "-i", `PATH=${PATH}`, "HOME=/root", "USER=root", "LC_ALL=C.UTF-8", "TERM=dumb"]
    execFile(
      "nsenter",
      [...inside, ...clean, "bash", "--norc", "-euo", "pipefail", "-c", `cd\n${script}`, "bash", ...args],
      { maxBuffer: LARGEST_OUTPUT },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr })
    ).stdin?.end()
  })

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

const endsWithin = async (child: ChildProcess, millis: number): Promise<boolean> => {
  const until = performance.now() + millis
  while (!hasEnded(child) && performance.now() < until) await pause(POLL_MILLIS)
  return hasEnded(child)
}

const kill = (pid: number, signal: NodeJS.Signals | number): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone already.
  }
}

const explain = (said: string): string =>
  `no Debian could be booted here (systemd-nspawn as root, in a cgroup of its own, is needed): ${said.trim() || "it said nothing"}`

const PREFIX = "cis490-boot-"
let booted = 0

/** What a machine that has ended left behind. */
const forget = (name: string): void => {
  for (const mount of cgroupMounts()) removeCgroup(join(mount, name))
  fs.rmSync(join("/run/systemd/nspawn/propagate", name), { recursive: true, force: true })
  fs.rmSync(join(tmpdir(), name), { recursive: true, force: true })
}

/** The same for machines of processes that were killed; theirs end with them. */
const forgetDead = (): void => {
  for (const name of fs.readdirSync(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    const pid = name.slice(PREFIX.length).split("-")[0] ?? ""
    if (!fs.existsSync(`/proc/${pid}`)) forget(name)
  }
}

/** Boots a copy of a root and waits until it is up. */
export const bootMachine = async (original: string) => {
  needTools("systemd-nspawn", "nsenter", "setpriv", "cp")
  if (process.getuid?.() !== 0) throw new Error(explain("these tests run as root only"))
  forgetDead()
  const name = `${PREFIX}${process.pid}-${++booted}`
  const home = join(tmpdir(), name)
  const root = join(home, "root")
  const mounts = cgroupMounts()
  fs.mkdirSync(home)
  execFileSync("cp", ["--archive", "--reflink=auto", original, root])

  const child = spawn("setpriv", ["--pdeathsig", "TERM", "bash", "-euc", START, "bash", name, root, ...mounts], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
  }
  const keeper = child.pid ?? 0

  const halt = async (): Promise<void> => {
    const leader = leaderOf(keeper)
    if (leader !== undefined) await runIn(leader, "systemctl --no-block poweroff", [])
    if (!(await endsWithin(child, END_MILLIS))) {
      for (const pid of [...childrenOf(keeper), keeper]) kill(pid, "SIGKILL")
      await endsWithin(child, END_MILLIS)
      forget(name)
      throw new Error(`the machine did not power off within ${END_MILLIS / 1000} s: ${said}`)
    }
    forget(name)
  }

  const leader = await eventually(
    "the machine takes commands",
    () => {
      if (hasEnded(child)) throw new Error(explain(said))
      return leaderOf(keeper)
    },
    BOOT_MILLIS
  ).catch(async (error: unknown) => {
    kill(keeper, "SIGKILL")
    await endsWithin(child, END_MILLIS)
    forget(name)
    throw error
  })

  /** Runs a bash script as root. */
  const run = (script: string, ...args: ReadonlyArray<string>): Promise<Said> => runIn(leader, script, args)

  /** What a script that must succeed prints. */
  const print = async (script: string, ...args: ReadonlyArray<string>): Promise<string> => {
    const { code, stderr, stdout } = await run(script, ...args)
    if (code !== 0) {
      const log = await run("journalctl --no-pager --lines=20 --output=short-monotonic")
      throw new Error(`${script}\nended ${code}: ${stderr}${stdout}\n${log.stdout}`)
    }
    return stdout
  }

  const machine = {
    /** A path in it, as it is called from outside; mounts of its own included. */
    at: (path: string): string => `${rootOf(leader)}${path}`,
    leader,
    run,
    print,
    write: (path: string, text: string | Uint8Array, mode = 0o644): void => {
      fs.mkdirSync(join(machine.at(path), ".."), { recursive: true })
      fs.writeFileSync(machine.at(path), text, { mode })
    },
    read: (path: string): string => fs.readFileSync(machine.at(path), "utf8"),
    halt,
    [Symbol.asyncDispose]: halt
  }
  await eventually("the machine is up", async () => {
    const { stdout } = await run("systemctl is-system-running || true")
    return /^(running|degraded)/.test(stdout)
  })
  return machine
}
export type Machine = Awaited<ReturnType<typeof bootMachine>>
