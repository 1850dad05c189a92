/** A container engine of its own: Debian's dockerd, in namespaces that take everything of it away when it ends. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { makeEngineApi } from "./engineApi.ts"
import { needTools, printed } from "./tools.ts"

const POLL_MS = 20
/** Applets that the tests use. */
const APPLETS = ["sh", "sleep", "ping", "nc", "cat", "true", "echo"]
export const IMAGE = "lab/busybox:1"

/** A root file system with nothing but busybox in it, as a tar archive. */
const busyboxRoot = (): Buffer => {
  const root = fs.mkdtempSync(join(tmpdir(), "cis490-busybox-"))
  try {
    for (const name of ["bin", "proc", "sys", "dev", "etc", "tmp"]) fs.mkdirSync(join(root, name), { mode: 0o755 })
    fs.copyFileSync("/bin/busybox", join(root, "bin/busybox"))
    fs.chmodSync(join(root, "bin/busybox"), 0o755)
    for (const applet of APPLETS) fs.symlinkSync("busybox", join(root, "bin", applet))
    return execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 64 * 1024 * 1024 })
  } finally {
    fs.rmSync(root, { recursive: true })
  }
}

/** What a killed engine leaves behind in the kernel. */
const removeCgroups = (name: string): void => {
  const at = "/sys/fs/cgroup"
  const depth = (path: string): number => path.split("/").length
  const ours = [at, ...fs.readdirSync(at).map((controller) => join(at, controller))]
    .map((parent) => join(parent, name))
    .filter((path) => fs.existsSync(path))
    .flatMap((path) => [
      path,
      ...fs
        .readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name))
    ])
  for (const path of ours.toSorted((a, b) => depth(b) - depth(a))) fs.rmdirSync(path)
}

/** Answers with images from a busybox root. Started and killed as often as a test wants; its data stay until it is disposed. */
export const makeEngine = () => {
  needTools("dockerd", "containerd", "unshare", "nsenter", "ip", "iptables", "busybox", "tar")
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-engine-"))
  const socket = join(home, "docker.sock")
  const cgroup = basename(home)
  const api = makeEngineApi(socket)
  let running: { readonly child: ChildProcess; readonly ended: Promise<void>; readonly said: () => string } | undefined

  const launch = () => {
    fs.writeFileSync(join(home, "daemon.json"), "{}")
    const places = { "data-root": "data", "exec-root": "exec", pidfile: "pid", "config-file": "daemon.json" }
    const dockerd = [
      "dockerd",
      ...Object.entries(places).flatMap(([option, name]) => [`--${option}`, join(home, name)]),
      ...`--host unix://${socket} --bridge=none --storage-driver=vfs --cgroup-parent /${cgroup}`.split(" ")
    ]
    // A network namespace of its own: no bridge and no rule of it is ever the machine's. A process namespace: nothing outlives it.
    const namespaces = "--net --pid --mount --fork --kill-child --mount-proc".split(" ")
    const script = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    const child = spawn("unshare", [...namespaces, ...script, ...dockerd], { stdio: ["ignore", "ignore", "pipe"] })
    let said = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-20_000)
    })
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
    return { child, ended, said: () => said }
  }

  const answers = (): Promise<boolean> =>
    api.ask("GET", "/_ping").then(
      ({ status }) => status === 200,
      () => false
    )

  const start = async (): Promise<void> => {
    running = launch()
    const { child, said } = running
    while (!(await answers())) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`dockerd ended: ${said()}`)
      await pause(POLL_MS)
    }
  }

  /** As a power cut would: at once, with all that runs in it. */
  const kill = async (): Promise<void> => {
    if (running === undefined) return
    running.child.kill("SIGKILL")
    await running.ended
    running = undefined
    for (const name of ["pid", "docker.sock", "exec"]) fs.rmSync(join(home, name), { recursive: true, force: true })
  }

  /** Everything it ever had is gone. */
  const wipe = async (): Promise<void> => {
    await kill()
    fs.rmSync(join(home, "data"), { recursive: true, force: true })
    removeCgroups(cgroup)
  }

  const networkNamespace = (): string => `/proc/${running?.child.pid}/ns/net`

  const importImages = (): Promise<void> => api.importImage("lab/busybox", "1", busyboxRoot())

  return {
    home,
    socket,
    api,
    start,
    kill,
    wipe,
    importImages,
    /** Where its bridges are. */
    networkNamespace,
    /** Runs a shell command there, which must succeed. */
    inNetwork: (script: string): Promise<string> =>
      printed(home, 'nsenter --net="$1" sh -c "$2"', networkNamespace(), script),
    [Symbol.asyncDispose]: async () => {
      await wipe()
      fs.rmSync(home, { recursive: true, force: true })
    }
  }
}
export type TestEngine = ReturnType<typeof makeEngine>

export const startEngine = async (): Promise<TestEngine> => {
  const engine = makeEngine()
  try {
    await engine.start()
    await engine.importImages()
    return engine
  } catch (error) {
    await engine[Symbol.asyncDispose]()
    throw error
  }
}
